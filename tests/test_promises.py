"""What the design promises of the whole: import direction, late imports, documented commands, files that load."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from collect.recipe import BENCH_FLAGS, load_datasets, shipped_file

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("collect", "bench", "reports")
COLLECT_FORMATS = ("collect/manifest.py", "collect/recipe.py")
BENCH_FORMATS = ("bench/records.py", "bench/evidence.py", "bench/schema.py", "bench/errors.py", "bench/listing.py")


def _imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} if node.module not in PACKAGES else {f"{node.module}.{a.name}" for a in node.names}
    return names


def _files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def test_imports_run_one_way() -> None:
    for path in _files("collect"):
        assert not {n for n in _imports(path) if n.split(".")[0] in ("bench", "reports", "torch")}, path
    for path in _files("reports"):
        own = {n for n in _imports(path) if n.split(".")[0] in ("collect", "bench", "torch", "torchvision")}
        assert own <= {"bench.records"}, path
    allowed = {"collect.manifest", "collect.recipe"}
    for path in _files("bench"):
        others = {n for n in _imports(path) if n.split(".")[0] in ("collect", "reports")}
        assert path.name == "cli.py" or others <= allowed, (path, others)


@pytest.mark.parametrize("file", COLLECT_FORMATS + BENCH_FORMATS)
def test_formats_need_the_standard_library_alone(file: str) -> None:
    foreign = {n.split(".")[0] for n in _imports(ROOT / file)} - set(sys.stdlib_module_names) - set(PACKAGES)
    assert not foreign


def test_reports_never_import_torch_nor_the_commands_anything_heavy() -> None:
    check = (
        "import sys, collect.cli, bench.cli, reports.cli; "
        "heavy = {'torch', 'pandas', 'matplotlib', 'seaborn', 'skimage', 'scipy', 'numpy', 'PIL'} & set(sys.modules); "
        "assert not heavy, heavy; import reports.page, reports.load; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True)


def test_bench_runs_without_what_only_collect_needs() -> None:
    check = (
        "import sys\n"
        "for name in ('flickrapi', 'imagehash', 'simplejpeg', 'tomlkit', 'torchinfo'): sys.modules[name] = None\n"
        "sys.argv = ['bench', 'models', '--size', '64']\n"
        "import bench.worker, bench.api, bench.cli\n"
        "bench.cli.draw, bench.cli.drawable()\n"
        "import collect.pipeline, collect.sources.synthetic\n"
    )
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True)


def test_every_shipped_dataset_loads() -> None:
    tables = tomllib.loads(shipped_file().read_text())
    datasets = load_datasets(ROOT)
    assert set(datasets) == set(tables)
    assert {"sample", "car-bicycle", "dogs-vs-cats", "imagenette", "imagenette-160", "imagenette-320"} <= set(datasets)
    assert {"imagewoof", "imagewoof-160", "imagewoof-320"} <= set(datasets)
    for dataset in datasets.values():
        assert dataset.source != "archive" or dataset.sha256 or dataset.md5


def test_bench_tables_may_set_exactly_the_flags_of_bench_run() -> None:
    from bench.cli import app, run_command

    assert app.registered_commands
    names = set(run_command.__annotations__) - {"models", "dataset", "data", "results", "fresh", "dry_run", "return"}
    assert {n.rstrip("_") for n in names} == set(BENCH_FLAGS)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_command_is_documented(package: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "TERM": "dumb"}
    made = subprocess.run(
        [sys.executable, "-m", package, "--help"], capture_output=True, text=True, env=environment, check=True
    )
    text = (ROOT / "README.md").read_text() + "".join(p.read_text() for p in (ROOT / "docs").glob("*.md"))
    commands = re.findall(r"^│ ([a-z]+)  ", made.stdout, re.MULTILINE)
    missing = [c for c in commands if f"{package} {c}" not in text]
    assert not missing
    assert package in text


def test_files_stay_readable() -> None:
    long = {p: n for package in PACKAGES for p in _files(package) if (n := len(p.read_text().splitlines())) > 300}
    assert not long
    assert not list(ROOT.glob("*/utils.py"))
