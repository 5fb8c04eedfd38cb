"""What a release consists of: the files of the wheel, and what `make release` checks before it builds."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.forked import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ABOUT = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")


def test_the_wheel_holds_the_three_packages_and_nothing_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    packages = {
        path.relative_to(ROOT).as_posix()
        for package in ("collect", "bench", "reports")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {Path(name).suffix for name in packages} <= {".py", ".j2", ".css", ".js", ".safetensors"}
    home = f"vggbench-{PROJECT['version']}.dist-info"
    assert names == packages | {"collect/datasets.toml"} | {f"{home}/{name}" for name in ABOUT}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the files that the checks of a release read, all committed."""
    for name in ("pyproject.toml", ".ci/release"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text(f"## {PROJECT['version']} (unreleased)\n")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "state")


def refusal(folder: Path) -> str:
    done = subprocess.run([folder / ".ci/release", "bin"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 1 and not done.stdout
    return done.stderr


def test_a_release_needs_a_clean_tree(repository: Path) -> None:
    (repository / "CHANGELOG.md").write_text("changed")
    assert refusal(repository) == "release: there are uncommitted changes; commit them first\n"


def test_a_release_needs_its_date_in_the_changelog(repository: Path) -> None:
    assert f'has no heading "## {PROJECT["version"]} (YYYY-MM-DD)"' in refusal(repository)


def test_a_version_is_released_once(repository: Path) -> None:
    git(repository, "tag", f"v{PROJECT['version']}")
    assert "exists already; raise the version" in refusal(repository)
