"""The command as a user runs it: plans, progress, tables, error lines and exit codes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.records import read_run, read_runs
from collect.sources.synthetic.drawing import draw

ROOT = Path(__file__).resolve().parent.parent.parent
SMALL = ["--size", "32", "--epochs", "2", "--batch-size", "8", "--device", "cpu", "--precision", "fp32"]


def bench(*arguments: str, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error::DeprecationWarning:bench"}
    command = [sys.executable, "-m", "bench", *arguments]
    made = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert made.returncode == code, made.stdout + made.stderr
    assert "Traceback" not in made.stderr
    return made


@pytest.fixture(scope="module")
def finished(easy: Path, pretrained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory in which all four models were run."""
    home = tmp_path_factory.mktemp("work")
    vgg = ["--arch", "vgg11_bn", "--width", "0.1", "--weights", str(pretrained)]
    made = bench("run", "all", "--dataset", str(easy / "easy"), *vgg, *SMALL, cwd=home)
    assert made.stdout.startswith("Dataset ")
    assert "in all on this cpu" in made.stdout
    assert "Pretrained weights: random numbers" in made.stdout
    assert "results/easy/report.html" in made.stdout
    return home


def test_run_all_leaves_four_records_and_a_report(finished: Path) -> None:
    runs, errors = read_runs(finished / "results")
    assert not errors
    assert {r.model.name for r in runs.values()} == {"scratch-vgg", "frozen-vgg", "finetuned-vgg", "baseline-cnn"}
    page = (finished / "results/easy/report.html").read_text()
    assert "random numbers" in page
    assert len({r.dataset.manifest_sha256 for r in runs.values()}) == 1


def test_finished_runs_are_not_repeated_but_fresh_ones_are_kept_beside(finished: Path, easy: Path) -> None:
    command = ["run", "baseline-cnn", "--dataset", str(easy / "easy"), *SMALL]
    before = {f: (f / "run.json").stat().st_mtime_ns for f in read_runs(finished / "results")[0]}
    assert "already there" in bench(*command, cwd=finished).stdout
    assert {f: (f / "run.json").stat().st_mtime_ns for f in before} == before
    bench(*command, "--fresh", cwd=finished)
    names = [r.run for r in read_runs(finished / "results")[0].values() if r.model.name == "baseline-cnn"]
    assert len(names) == 2
    assert names[1] == f"{names[0]}-2"
    one, two = (read_run(finished / "results/easy" / name) for name in names)
    assert [e.train_loss for e in one.epochs] == [e.train_loss for e in two.epochs]


def test_list_show_and_predict(finished: Path, easy: Path) -> None:
    listed = json.loads(bench("list", "--json", cwd=finished).stdout)
    assert {row["status"] for row in listed} == {"done"}
    assert "frozen-vgg-" in bench("list", cwd=finished).stdout
    shown = bench("show", "frozen-vgg", cwd=finished).stdout
    assert "random numbers" in shown
    assert "macro F1" in shown
    image = easy / "easy/test/red/3.png"
    told = json.loads(bench("predict", "frozen-vgg", str(image), "--json", cwd=finished).stdout)
    assert {g["class"] for g in told[0]["top"]} == {"red", "blue"}
    assert sum(g["probability"] for g in told[0]["top"]) == pytest.approx(1, abs=1e-4)


def test_lists_name_the_weights(finished: Path) -> None:
    listed = json.loads(bench("list", "--json", cwd=finished).stdout)
    assert {row["weights"] for row in listed if row["model"] == "frozen-vgg"} == {"random numbers"}
    assert {row["weights"] for row in listed if row["model"] == "baseline-cnn"} == {None}
    lines = bench("list", cwd=finished).stdout.splitlines()
    assert all(("random numbers" in line) == ("frozen" in line or "finetuned" in line) for line in lines)


def test_notes_are_said_before_the_epochs_they_warn_of(three_classes: Path, tmp_path: Path) -> None:
    sick = ["--arch", "vgg16", "--width", "0.1", "--set", "init=default", "--set", "lr=1e-6"]
    made = bench("run", "scratch-vgg", "--dataset", str(three_classes / "three"), *sick, *SMALL, cwd=tmp_path, code=1)
    assert "note: the signal dies" in made.stdout
    assert made.stdout.index("the signal dies") < made.stdout.index("epoch 1/2")
    assert "stalled" in made.stdout


def test_ctrl_c_says_how_to_go_on_and_keeps_the_finished_epochs(two_classes: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    more = ["--size", "32", "--epochs", "400", "--batch-size", "8", "--device", "cpu", "--precision", "fp32"]
    # A process started in the background ignores SIGINT, and so do its children.
    start = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('bench', run_name='__main__')"
    )
    command = [sys.executable, "-c", start, "run", "baseline-cnn", "--dataset", str(two_classes / "two"), *more]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert any("epoch 2/400" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "bench: interrupted; the same command continues where this one stopped"
    assert "Traceback" not in errors
    assert list((tmp_path / "results").rglob(".checkpoint.pt"))


def test_results_in_place_of_a_file_are_one_line(two_classes: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    command = ["run", "baseline-cnn", "--dataset", str(two_classes / "two"), *SMALL, "--results", "taken"]
    made = bench(*command, cwd=tmp_path, code=1)
    assert made.stderr.startswith("bench: ")
    assert "Not a directory" in made.stderr or "File exists" in made.stderr


def test_a_broken_photo_ends_its_runs_with_one_line_and_leaves_a_report(tmp_path: Path) -> None:
    for side in ("train", "test"):
        for name in ("car", "bicycle"):
            (tmp_path / "set" / side / name).mkdir(parents=True)
            (tmp_path / "set" / side / name / "1.jpg").write_bytes(draw(name, 5, len(side)))
    (tmp_path / "set/train/car/2.jpg").write_bytes(b"broken")
    made = bench("run", "baseline-cnn", "--dataset", "set", *SMALL, cwd=tmp_path, code=1)
    assert "2.jpg: not a readable image (its format is not known); remove it" in made.stdout
    assert "The report goes without facts about the dataset" in made.stdout
    assert "Report: " in made.stdout


def test_a_broken_photo_is_named_by_predict(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    made = bench("predict", "frozen-vgg", str(tmp_path / "broken.jpg"), cwd=finished, code=1)
    assert "broken.jpg: not a readable image" in made.stderr


def test_a_dry_run_of_the_sample_pretrains_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = bench("run", "frozen-vgg", "--dry-run", cwd=tmp_path)
    assert "The first run begins with pretraining" in made.stdout
    assert "About" in made.stdout
    assert not list((tmp_path / "cache").rglob("*.safetensors"))
    assert not (tmp_path / "results").exists()


def test_dry_run_plans_without_running(two_classes: Path, tmp_path: Path) -> None:
    made = bench("run", "baseline-cnn", "--dataset", str(two_classes / "two"), *SMALL, "--dry-run", cwd=tmp_path)
    assert "About" in made.stdout
    assert not (tmp_path / "results").exists()


def test_pretrained_weights_travel_from_pretrain_to_run(easy: Path, tmp_path: Path) -> None:
    small = ["--size", "32", "--device", "cpu"]
    make = ["pretrain", "--dataset", str(easy / "easy"), "--out", "mine.safetensors", "--arch", "vgg11_bn"]
    bench(*make, *small, "--width", "0.1", "--epochs", "3", "--set", "batch_size=8", cwd=tmp_path)
    use = ["run", "frozen-vgg", "--dataset", str(easy / "easy"), "--arch", "vgg11_bn", "--width", "0.1"]
    made = bench(*use, *small, "--epochs", "2", "--weights", "mine.safetensors", "--head", "last", cwd=tmp_path)
    assert "easy (2 classes, 96 images, 32 px)" in made.stdout


def test_counts_need_no_weights(tmp_path: Path) -> None:
    made = json.loads(
        bench("models", "--classes", "2", "--size", "224", "--head", "last", "--json", cwd=tmp_path).stdout
    )
    rows = {row["name"]: row for row in made}
    assert rows["baseline-cnn"]["parameters_total"] == 23_963_777
    assert rows["frozen-vgg"]["parameters_total"] == 134_264_641
    assert rows["frozen-vgg"]["parameters_trainable"] == 4_097


def test_summary_is_layer_by_layer(tmp_path: Path) -> None:
    made = bench("summary", "scratch-vgg", "--arch", "vgg11", "--classes", "1000", cwd=tmp_path)
    lines = {line.split()[0]: line.split()[1:] for line in made.stdout.splitlines() if line.strip()}
    assert lines["features.0"] == ["Conv2d", "64x224x224", "1,792", "yes", "89.9", "12.25", "0.01"]
    assert lines["features.1"] == ["ReLU", "64x224x224", "0.00"]  # in place
    assert lines["avgpool"][-2:] == ["512x7x7", "0.10"]
    assert lines["total"][:2] == ["132,863,336", "yes"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "all", "--dataset", "nowhere"], 2, "collect --dataset nowhere"),
        (["run", "vgg"], 2, "vgg: no such model"),
        (["run", "baseline-cnn", "--dataset", "DATA", "--arch", "vgg16"], 2, "--arch: none of baseline-cnn uses it"),
        (["run", "baseline-cnn", "--dataset", "DATA", "--set", "learning=1"], 2, "unknown key 'learning'"),
        (["run", "baseline-cnn", "--dataset", "DATA", "--set", "lr=fast"], 2, "--set lr=fast: float is needed"),
        (["run", "baseline-cnn", "--dataset", "DATA", "--epochs", "0"], 2, "epochs must be at least 1"),
        (["run", "scratch-vgg", "--dataset", "DATA", "--arch", "vgg17"], 2, "--arch vgg17: unknown"),
        (["run", "frozen-vgg", "--dataset", "DATA", "--weights", "no.pth"], 4, "no.pth: no such file"),
        (["run", "baseline-cnn", "--dataset", "DATA", "--train-images", "99"], 2, "has only 24 to train on"),
        (["run", "baseline-cnn", "--dataset", "DATA", "--device", "tpu"], 2, "--device tpu"),
        (["run", "baseline-cnn", "--dataset", "DATA", "--set", "seeds=abc"], 2, "use --seeds"),
        (
            ["run", "baseline-cnn", "--dataset", "DATA", "--epochs", "1", "--set", "epochs=2"],
            2,
            "--epochs is given too",
        ),
        (["run", "scratch-vgg", "--dataset", "DATA", "--arch", "vit_b_16", "--size", "64"], 2, "cannot take it"),
        (["run", "frozen-vgg", "--dataset", "DATA", "--set", "weights=none"], 2, "frozen-vgg needs some"),
        (["run", "frozen-vgg", "--dataset", "DATA", "--arch", "foo"], 2, "--arch foo: unknown; choose from vgg11"),
        (["show", "nothing"], 2, "nothing: no such run"),
        (["predict", "nothing", "no.jpg"], 2, "no.jpg: no such file"),
        (["models", "--classes", "1"], 2, "--classes 1"),
    ],
)
def test_errors_are_one_line_with_the_documented_code(
    arguments: list[str], code: int, message: str, two_classes: Path, tmp_path: Path
) -> None:
    given = [str(two_classes / "two") if a == "DATA" else a for a in arguments]
    made = bench(*given, cwd=tmp_path, code=code)
    assert made.stderr.startswith("bench: ")
    assert message in made.stderr
    assert not (tmp_path / "results").exists()


def test_a_crashed_model_is_reported_and_the_others_run(two_classes: Path, tmp_path: Path) -> None:
    command = ["run", "baseline-cnn", "scratch-vgg", "--dataset", str(two_classes / "two"), *SMALL]
    extra = ["--arch", "vgg11_bn", "--width", "0.1", "--set", "lr=100", "--set", "clip_norm=none", "--set", "warmup=0"]
    made = bench(*command, *extra, cwd=tmp_path, code=1)
    runs, _ = read_runs(tmp_path / "results")
    assert len(runs) == 2
    assert any(r.result.status == "failed" and "NaN" in (r.result.reason or "") for r in runs.values())
    assert "failed: the loss became NaN" in made.stdout


def test_the_same_from_python(easy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import bench as package

    monkeypatch.chdir(tmp_path)
    made = package.run("baseline-cnn", str(easy / "easy"), size=32, epochs=1, device="cpu", batch_size=8, seeds=2)
    assert list(made["seed"]) == [1, 2]
    assert set(made["status"]) <= {"done", "stalled"}
    record = package.load_run(tmp_path / "results/easy" / made["run"][0])
    assert record.result.accuracy == made["accuracy"][0]
