"""What takes disk space: shown, freed when asked, and never taken from a command that uses it."""

import os
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.cache import cache_folder
from bench.cli import app
from bench.errors import VggbenchError
from bench.plans import disk_bytes, disk_line
from bench.records import WEIGHTS_FILE, command_kept, unfinished_runs
from collect.datasets import lock_folder
from tests.factories.results import BASELINE, FROZEN, make_run

DAY = 24 * 3600
COMMAND = "bench run all --dataset pets --size 64"


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results of `pets`: a run, a later one that replaced it, another model's, and one that was interrupted."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "results"
    for number, profile in enumerate((BASELINE, BASELINE, FROZEN)):
        run = make_run(folder, "pets", ["cat", "dog"], profile, 1, pictures=False, evidence=False)
        home = (folder / "pets" / run.run).rename(folder / "pets" / f"{profile.model}-{number}")
        text = (home / "run.json").read_text().replace(f'"{run.run}"', f'"{home.name}"')
        (home / "run.json").write_text(text.replace(run.created, f"2026-11-0{number + 1}T10:00:00+00:00"))
        (home / WEIGHTS_FILE).write_bytes(bytes(1_500_000))
    interrupt(folder / "pets/scratch-vgg-1")
    (folder / "pets/scratch-vgg-1/.checkpoint.pt").write_bytes(bytes(2_500_000))
    pack = cache_folder() / "packs/a.pack"
    pack.parent.mkdir(parents=True)
    pack.write_bytes(bytes(40_000))
    os.utime(pack, (time.time() - 3 * DAY,) * 2)
    return folder


def interrupt(folder: Path) -> None:
    """Leave what a run leaves that is interrupted with Ctrl-C."""
    folder.mkdir(parents=True)
    with pytest.raises(KeyboardInterrupt), command_kept(folder, COMMAND):
        raise KeyboardInterrupt


def bench(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "80"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    return done.output


def clean(results: Path, *arguments: str) -> str:
    return bench("clean", *arguments, "--results", str(results))


def names(results: Path) -> list[str]:
    return sorted(path.name for path in (results / "pets").iterdir())


def test_without_yes_everything_is_shown_and_nothing_removed(results: Path) -> None:
    before = names(results)
    lines = [line.rstrip() for line in clean(results).splitlines()]
    rows = [line.split() for line in lines[1:-1]]
    assert [row[:2] for row in rows] == [
        ["cache", "decoded"], ["checkpoint", "pets/scratch-vgg-1"], ["replaced", "run"],
    ]  # fmt: skip
    assert lines[1].endswith(" 40 KB       3 days") and "2.5 MB" in lines[2] and "pets/baseline-cnn-0" in lines[3]
    assert lines[-1].endswith(" can be freed: the same command with --yes frees it")
    assert names(results) == before and (cache_folder() / "packs/a.pack").is_file()


def test_yes_frees_what_was_shown_and_keeps_the_runs_of_the_report(results: Path) -> None:
    assert clean(results, "--yes").splitlines()[-1].endswith(" freed")
    assert names(results) == ["baseline-cnn-1", "frozen-vgg-2"]
    assert list(cache_folder().glob("*")) == []
    assert clean(results) == "nothing to free\n"


@pytest.mark.parametrize(
    ("choice", "gone"),
    [
        ("--caches", set()),
        ("--checkpoints", {"scratch-vgg-1"}),
        ("--runs", {"baseline-cnn-0"}),
        ("frozen", {"frozen-vgg-2"}),
    ],
)
def test_a_choice_frees_only_that(results: Path, choice: str, gone: set[str]) -> None:
    before = set(names(results))
    clean(results, choice, "--yes")
    assert before - set(names(results)) == gone
    assert (cache_folder() / "packs").exists() == (choice != "--caches")


def test_what_another_command_uses_is_shown_and_never_removed(results: Path) -> None:
    with lock_folder(results / "pets/scratch-vgg-1", print):
        text = clean(results, "--yes")
    in_use = [line.split()[0] for line in text.splitlines() if line.rstrip().endswith("in use")]
    assert in_use == ["cache", "checkpoint"]
    assert "scratch-vgg-1" in names(results) and (cache_folder() / "packs/a.pack").is_file()


def test_list_names_an_interrupted_run_with_the_command_that_continues_it(results: Path) -> None:
    lines = bench("list", "--results", str(results)).splitlines()
    assert lines[-2:] == ["interrupted: pets/scratch-vgg-1", f"  continue with: {COMMAND}"]
    with lock_folder(results / "pets/scratch-vgg-1", print):
        assert (
            bench("list", "--results", str(results))
            .splitlines()[-1]
            .startswith("running: pets/scratch-vgg-1, since 20")
        )


def test_a_run_that_ends_or_fails_leaves_no_command(tmp_path: Path) -> None:
    folder = tmp_path / "pets/run"
    folder.mkdir(parents=True)
    with command_kept(folder, COMMAND):
        assert [run.command for run in unfinished_runs(tmp_path)] == [COMMAND]
    with pytest.raises(VggbenchError), command_kept(folder, COMMAND):
        raise VggbenchError("weights do not fit")
    assert unfinished_runs(tmp_path) == []


def test_the_disk_that_runs_take_is_estimated_and_too_little_is_refused(small_plan, tmp_path: Path) -> None:
    plan = small_plan("scratch-vgg", "two", tmp_path, arch="vgg16", width=1.0)
    kept, beside = disk_bytes([plan, plan], 2)
    assert kept == pytest.approx(2 * 537e6, rel=0.01)  # 134 million parameters each
    assert beside == 2 * 3 * kept / 2  # two checkpoints: the weights and two moments of AdamW
    assert disk_line(12_000, 0, tmp_path / "results") == (
        f"Disk: about 12 KB in {tmp_path}/results/, and up to 0 KB more while a run trains."
    )
    with pytest.raises(VggbenchError, match=r"only .* are free; `bench clean` shows what can be freed"):
        disk_line(kept, 10**18, tmp_path / "results")
