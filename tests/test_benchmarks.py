"""Every benchmark runs at a tiny size on drawn photos and writes its measurements."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from collect.sources.synthetic.drawing import draw
from tests.forked import ROOT, Forkserver

CLASSES = ("car", "bicycle", "boat")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive laid out as Imagenette's: three classes, 12 drawn photos each to train on and 6 to test on."""
    base = tmp_path_factory.mktemp("drawn")
    for name in CLASSES:
        for number in range(18):
            home = base / "imagenette2" / ("train" if number < 12 else "val") / name
            home.mkdir(parents=True, exist_ok=True)
            (home / f"{name}_{number:02}.JPEG").write_bytes(draw(name, 5, number))
    with tarfile.open(base / "imagenette2-144-squared.tgz", "w:gz") as file:
        file.add(base / "imagenette2", "imagenette2")
    return base / "imagenette2-144-squared.tgz"


@pytest.fixture(scope="module")
def run(command_server: Forkserver) -> Callable[..., tuple[dict, str]]:
    """A function that runs a benchmark and returns its JSON and its table."""

    def measure(name: str, out: Path, *arguments: str) -> tuple[dict, str]:
        more = ["--out", str(out / f"{name}.json"), *arguments]
        done = command_server.run(f"benchmarks.{name}", *more, cwd=ROOT, environment=dict(os.environ))
        assert done.returncode == 0, done.stderr
        return json.loads((out / f"{name}.json").read_text()), done.stdout

    return measure


def few(archive: Path) -> tuple[str, ...]:
    return "--data", str(archive), "--train", "24", "--test", "12", "--rounds", "2"


def test_train_step_compares_epochs_and_whole_runs(run, archive: Path, tmp_path: Path) -> None:
    small = ("--arch", "resnet18", "--size", "32", "--batch-size", "8", "--epochs", "3", "--device", "cpu")
    measured, table = run("train_step", tmp_path, *few(archive), *small)
    rates = measured["figures"]["images_per_second"]
    assert {"ours", "tutorial", "torchvision"} <= set(rates)
    assert ("timm" in rates) is (find_spec("timm") is not None)
    assert len(measured["targets"]) == (2 if "timm" in rates else 1)
    for values in (rates, measured["figures"]["epoch_ratio"]):
        assert all(len(f["values"]) == 2 and f["low"] <= f["median"] <= f["high"] for f in values.values())
    first = measured["figures"]["epoch_ratio"]["tutorial"]["values"][0]
    assert first == pytest.approx(rates["ours"]["values"][0] / rates["tutorial"]["values"][0])
    assert measured["figures"]["whole_seconds"]["ours"]["median"] > measured["figures"]["pack_seconds"]["median"] > 0
    assert measured["figures"]["test_images"] == 12
    assert "against the tutorial loop" in table


def test_frozen_computes_its_features_in_every_round(run, archive: Path, tmp_path: Path) -> None:
    small = ("--arch", "resnet18", "--size", "32", "--epochs", "2", "--batch-size", "8", "--device", "cpu")
    photos = ("--data", str(archive), "--train", "24", "--test", "6", "--rounds", "1")
    measured, _ = run("frozen", tmp_path, *photos, *small)
    legs = measured["figures"]["legs"]
    assert all(leg["parts"]["features"] > 0 for leg in legs["cached"])
    assert all("features" not in leg["parts"] for leg in legs["forward every epoch"])
    assert measured["targets"][0]["limit"] == 4


def test_sweep_compares_one_command_with_a_command_per_run_and_a_plain_script(
    run, archive: Path, tmp_path: Path
) -> None:
    small = ("--arch", "vgg11", "--size", "32", "--epochs", "1", "--batch-size", "8", "--device", "cpu", "--runs", "2")
    photos = ("--data", str(archive), "--train", "24", "--test", "6", "--rounds", "1")
    measured, table = run("sweep", tmp_path, *photos, *small)
    figures = measured["figures"]
    assert set(figures["runs_an_hour"]) == {"one run", "one command", "a command per run", "plain script"}
    assert all(rate["median"] > 0 for rate in figures["runs_an_hour"].values())
    seconds = figures["seconds"]
    assert figures["faster"]["median"] == seconds["a command per run"][0] / seconds["one command"][0]
    assert [target["limit"] for target in measured["targets"]] == [3, 0.5]
    assert "runs an hour" in table


def test_sweep_compares_batched_heads_with_heads_trained_one_after_another(run, tmp_path: Path) -> None:
    measured, _ = run("sweep", tmp_path, "--heads", "2", "--train", "70", "--rounds", "1", "--device", "cpu")
    seconds = measured["figures"]["seconds"]
    assert measured["figures"]["gain"]["median"] == seconds["one after another"][0] / seconds["batched"][0]


def test_pack_reports_its_share_of_the_decoding_limit(run, archive: Path, tmp_path: Path) -> None:
    measured, _ = run("pack", tmp_path, *few(archive), "--size", "32")
    assert measured["figures"]["images"] == 36
    assert measured["figures"]["share_of_limit"]["median"] > 0
    assert measured["targets"][0]["limit"] == 0.85


def test_startup_measures_every_command(run, tmp_path: Path) -> None:
    measured, _ = run("startup", tmp_path, "--rounds", "1", "--runs", "20")
    assert set(measured["figures"]["seconds"]) == {
        "collect --help",
        "bench --help",
        "reports --help",
        "bench list, 20 runs",
    }


def test_scaling_reports_seconds_at_every_size(run, archive: Path, tmp_path: Path) -> None:
    sizes = ("--images", "40", "80", "--classes", "2", "4", "--runs", "4", "8", "--device", "cpu")
    measured, table = run("scaling", tmp_path, *few(archive), *sizes, "--rounds", "1")
    assert set(measured["figures"]["images"]["pack"]) == {"40", "80"}
    assert set(measured["figures"]["runs"]) == {"bench list", "reports table"}
    assert "exponent" in table


def test_collecting_compares_collect_with_the_serial_loop(run, tmp_path: Path) -> None:
    few_photos = ("--photos", "40", "--serial", "4", "--repeats", "1", "--img2dataset", "")
    measured, table = run("collecting", tmp_path, *few_photos)
    rows = [(row["tool"], row["latency_ms"], row["photos"]) for row in measured["rows"]]
    assert rows == [("collect", 0, 40), ("serial loop", 0, 4), ("collect", 100, 40), ("serial loop", 100, 4)]
    assert measured["rows"][3]["collect_is_faster_by"] > 1
    assert "collect is faster by" in table


def test_dedupe_reports_recall_and_precision_of_every_change(run, tmp_path: Path) -> None:
    for number in range(4):
        for name in CLASSES:
            (tmp_path / f"{name}_{number}.jpg").write_bytes(draw(name, 5, number))
    measured, _ = run("dedupe", tmp_path, str(tmp_path), "--photos", "12", "--hashes", "500")
    changes = {row["change"]: row for row in measured["quality"]}
    assert changes["recompressed (q30)"]["recall"] == changes["resized to half"]["recall"] == 1
    assert measured["speed"]["hashes"] == 500


def test_missing_photos_end_a_benchmark_with_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.pack", "--data", str(tmp_path / "none.tgz")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "--data" in done.stderr


def test_the_gpu_script_names_a_missing_archive(tmp_path: Path) -> None:
    environment = {**os.environ, "DATA": str(tmp_path), "OUT": str(tmp_path / "out")}
    done = subprocess.run(
        ["bash", str(ROOT / "benchmarks" / "gpu.sh")], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 2 and "DATA=FOLDER" in done.stderr


def test_schedules_compares_keeping_the_network_with_training_again(run, tmp_path: Path) -> None:
    for split, numbers in (("train", range(16)), ("test", range(16, 24))):
        for name in CLASSES[:2]:
            (tmp_path / "two" / split / name).mkdir(parents=True)
            for number in numbers:
                (tmp_path / "two" / split / name / f"{number}.jpg").write_bytes(draw(name, 5, number))
    steps = ("--set", "min_steps=6", "--set", "max_steps=12", "--set", "patience=1", "--size", "32")
    small = ("--rounds", "2", "--batch-size", "8", "--device", "cpu", *steps)
    measured, table = run("schedules", tmp_path, "--dataset", str(tmp_path / "two"), *small)
    figures = measured["figures"]
    assert set(figures["accuracy"]) == {"kept", "again", "again, cosine"}
    assert all(len(values) == 2 and all(0 <= a <= 1 for a in values) for values in figures["accuracy"].values())
    assert all(
        again > kept for kept, again in zip(figures["seconds"]["kept"], figures["seconds"]["again"], strict=True)
    )
    assert all(2 <= epochs <= 4 for epochs in figures["epochs"])
    assert "baseline-cnn on two, 32 px, 2 seeds" in table


def test_a_part_of_the_soak_writes_its_table(run, tmp_path: Path) -> None:
    measured, table = run("soak", tmp_path, "--only", "archives/0", "--markdown", str(tmp_path / "soak.md"))
    [row] = measured["table"]
    assert (row["part"], row["kind"], row["tried"], row["held"], row["lost"]) == ("archives", "not an archive", 1, 1, 0)
    assert "| archives | 1 | 1 | 1 | 0 |" in (tmp_path / "soak.md").read_text()
    assert "archives" in table


def test_what_the_soak_loses_is_printed_with_the_command_that_repeats_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks import soak
    from benchmarks.soaking.items import Item
    from benchmarks.soaking.trials import Part

    items = [Item("a kind"), Item("a kind", lost="a hang"), Item("a mount", skipped="needs root")]
    monkeypatch.setitem(soak.PARTS, "mine", Part(lambda place: items, 2))
    monkeypatch.setattr("sys.argv", ["soak", "--seed", "7", "--only", "mine", "--out", str(tmp_path / "soak.json")])
    with pytest.raises(SystemExit, match="1"):
        soak.main()
    out = capsys.readouterr().out
    assert "LOST mine/1 a kind: a hang" in out
    assert "skipped: needs root" in out
    assert "repeat: python -m benchmarks.soak --seed 7 --only mine/1" in out
    rows = json.loads((tmp_path / "soak.json").read_text())["table"]
    assert [(row["tried"], row["held"], row["lost"], row["skipped"]) for row in rows] == [(4, 2, 2, 0), (0, 0, 0, 2)]


def test_the_soak_is_as_large_as_it_says() -> None:
    from benchmarks.soak import PARTS
    from benchmarks.soaking import archive_kinds, image_kinds, images, kills, response_kinds

    assert len(response_kinds.KINDS) >= 40 and PARTS["responses"].trials * len(response_kinds.KINDS) >= 1000
    assert PARTS["archives"].trials >= max(200, len(archive_kinds.KINDS))
    assert PARTS["images"].trials * images.EACH >= max(500, len(image_kinds.KINDS))
    assert PARTS["files"].trials >= 200
    assert PARTS["kills"].trials == kills.MOMENTS * len(kills.SIGNALS) * len(kills.VICTIMS)
