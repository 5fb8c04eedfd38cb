"""The `bench` command as a user runs it: plans, progress, tables, error lines and exit codes."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.classify import classifier_of_run, classify
from bench.cli import COMMANDS
from bench.recipes import Recipe
from bench.records import read_predictions, read_run, read_runs
from collect.sources.synthetic.drawing import draw
from tests.forked import ROOT

SMALL = ["--size", "32", "--epochs", "2", "--batch-size", "8", "--device", "cpu", "--precision", "fp32"]


@pytest.fixture(scope="module")
def finished(bench, easy: Path, pretrained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with one finished run of each of the four models."""
    home = tmp_path_factory.mktemp("work")
    vgg = ["--arch", "vgg11_bn", "--width", "0.1", "--weights", str(pretrained)]
    done = bench("run", "all", "--dataset", str(easy / "easy"), *vgg, *SMALL, cwd=home)
    assert done.stdout.startswith("Dataset ")
    assert "in total on this cpu" in done.stdout
    assert "Pretrained weights: random numbers" in done.stdout
    assert "results/easy/report.html" in done.stdout
    return home


def test_run_all_leaves_four_records_and_a_report(finished: Path) -> None:
    runs, errors = read_runs(finished / "results")
    assert not errors
    assert {r.model.name for r in runs.values()} == {"scratch-vgg", "frozen-vgg", "finetuned-vgg", "baseline-cnn"}
    page = (finished / "results/easy/report.html").read_text()
    assert "random numbers" in page
    assert len({r.dataset.manifest_sha256 for r in runs.values()}) == 1


def test_finished_runs_are_not_repeated_and_fresh_repeats_keep_the_earlier_run(
    bench, finished: Path, easy: Path
) -> None:
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


def test_list_show_and_predict_read_a_run(bench, finished: Path, easy: Path) -> None:
    listed = json.loads(bench("list", "--json", cwd=finished).stdout)
    assert {row["status"] for row in listed} == {"done"}
    assert "frozen-vgg-" in bench("list", cwd=finished).stdout
    shown = bench("show", "frozen-vgg", cwd=finished).stdout
    assert "random numbers" in shown
    assert "macro F1" in shown
    image = easy / "easy/test/red/3.png"
    [predicted] = json.loads(bench("predict", "frozen-vgg", str(image), "--json", cwd=finished).stdout)
    assert {guess["class"] for guess in predicted["top"]} == {"red", "blue"}
    assert sum(guess["probability"] for guess in predicted["top"]) == pytest.approx(1, abs=1e-4)


def test_a_rebuilt_network_predicts_what_its_run_recorded(finished: Path, easy: Path) -> None:
    for folder in read_runs(finished / "results")[0]:
        recorded = read_predictions(folder, read_run(folder))[:6]
        images = [easy / "easy" / prediction.file for prediction in recorded]
        guesses = classify(classifier_of_run(folder), images, top=1)
        for [(label, probability)], prediction in zip(guesses, recorded, strict=True):
            assert label == prediction.predicted
            assert probability == pytest.approx(prediction.probability, abs=1e-3)


def test_list_names_where_the_weights_come_from(bench, finished: Path) -> None:
    listed = json.loads(bench("list", "--json", cwd=finished).stdout)
    assert {row["weights"] for row in listed if row["model"] == "frozen-vgg"} == {"random numbers"}
    assert {row["weights"] for row in listed if row["model"] == "baseline-cnn"} == {None}
    lines = bench("list", cwd=finished).stdout.splitlines()
    assert all(("random numbers" in line) == ("frozen" in line or "finetuned" in line) for line in lines)


def test_a_warning_about_the_network_is_printed_before_the_first_epoch(
    bench, three_classes: Path, tmp_path: Path
) -> None:
    dying_signal = ["--arch", "vgg16", "--width", "0.1", "--set", "init=default", "--set", "lr=1e-6"]
    done = bench(
        "run", "scratch-vgg", "--dataset", str(three_classes / "three"), *dying_signal, *SMALL, cwd=tmp_path, code=1
    )
    assert "note: the signal dies" in done.stdout
    assert done.stdout.index("the signal dies") < done.stdout.index("epoch 1/2")
    assert "stalled" in done.stdout


def interruptible(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    """Start bench so that it reacts to Ctrl-C, which a process started in the background ignores."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    start = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('bench', run_name='__main__')"
    )
    command = [sys.executable, "-c", start, *arguments]
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_ctrl_c_keeps_the_finished_epochs_and_says_how_to_continue(two_classes: Path, tmp_path: Path) -> None:
    more = ["--size", "32", "--epochs", "400", "--batch-size", "8", "--device", "cpu", "--precision", "fp32"]
    command = ["run", "baseline-cnn", "--dataset", str(two_classes / "two"), *more]
    with interruptible(*command, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert any("epoch 2/400" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    kept = "finished epochs and trials are kept, the same command continues"
    assert errors.splitlines()[-1] == f"bench: interrupted; {kept}"
    assert "Traceback" not in errors
    assert list((tmp_path / "results").rglob(".checkpoint.pt"))


def test_results_in_place_of_a_file_are_a_one_line_error(bench, two_classes: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    command = ["run", "baseline-cnn", "--dataset", str(two_classes / "two"), *SMALL, "--results", "taken"]
    done = bench(*command, cwd=tmp_path, code=1)
    assert done.stderr.startswith("bench: ")
    assert "Not a directory" in done.stderr or "File exists" in done.stderr


def test_a_broken_photo_fails_the_run_with_one_line_and_still_leaves_a_report(bench, tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name in ("car", "bicycle"):
            (tmp_path / "set" / split / name).mkdir(parents=True)
            (tmp_path / "set" / split / name / "1.jpg").write_bytes(draw(name, 5, len(split)))
    (tmp_path / "set/train/car/2.jpg").write_bytes(b"broken")
    done = bench("run", "baseline-cnn", "--dataset", "set", *SMALL, cwd=tmp_path, code=1)
    assert "2.jpg: not a readable image (its format is not known); remove it" in done.stdout
    assert "The report has no facts about the dataset" in done.stdout
    assert "Report: " in done.stdout


def test_predict_names_a_broken_photo(bench, finished: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    done = bench("predict", "frozen-vgg", str(tmp_path / "broken.jpg"), cwd=finished, code=1)
    assert "broken.jpg: not a readable image" in done.stderr


def test_a_dry_run_of_the_sample_pretrains_nothing(bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    done = bench("run", "frozen-vgg", "--width", "0.125", "--dry-run", cwd=tmp_path)
    assert "The first run begins by pretraining" in done.stdout
    assert "About" in done.stdout
    assert not list((tmp_path / "cache").rglob("*.safetensors"))
    assert not (tmp_path / "results").exists()


def test_a_dry_run_plans_and_trains_nothing(bench, two_classes: Path, tmp_path: Path) -> None:
    done = bench("run", "baseline-cnn", "--dataset", str(two_classes / "two"), *SMALL, "--dry-run", cwd=tmp_path)
    assert "About" in done.stdout
    assert not (tmp_path / "results").exists()


def test_a_long_plan_without_a_fixed_end_names_the_budget(bench, two_classes: Path, tmp_path: Path) -> None:
    command = ["run", "scratch-vgg", "--dataset", str(two_classes / "two"), "--device", "cpu", "--dry-run"]
    done = bench(*command, "--precision", "fp32", cwd=tmp_path)
    assert "and --budget 1h ends within an hour" in done.stdout
    done = bench(*command, "--precision", "fp32", "--epochs", "5000", cwd=tmp_path)
    assert "That is long" in done.stdout
    assert "--budget" not in done.stdout


def test_a_dry_run_says_how_many_trials_there_will_be(bench, two_classes: Path, tmp_path: Path) -> None:
    command = ["run", "baseline-cnn", "--dataset", str(two_classes / "two"), *SMALL, "--seeds", "2", "--dry-run"]
    done = bench(*command, "--tune", "7", cwd=tmp_path)
    assert "First 7 trials for 1 recipe, then the 2 runs with the best" in done.stdout
    done = bench(*command, "--budget", "90m", cwd=tmp_path)
    assert "1h30m for 1 recipe: trials and the 2 runs with the best." in done.stdout
    assert not (tmp_path / "results").exists()


def test_tuning_continues_after_ctrl_c(bench, easy: Path, tmp_path: Path) -> None:
    more = ["run", "baseline-cnn", "--dataset", str(easy / "easy"), *SMALL]
    with interruptible(*more, "--tune", "200", cwd=tmp_path) as process:
        assert process.stdout is not None
        assert any("trial 2/200" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith("bench: interrupted; ")
    assert "Traceback" not in errors
    text = bench(*more, "--tune", "3", cwd=tmp_path).stdout
    assert "trial 2/3" not in text
    [record] = read_runs(tmp_path / "results")[0].values()
    assert record.tuning is not None and record.tuning.trials == 3


def test_run_accepts_the_weights_that_pretrain_makes(bench, easy: Path, tmp_path: Path) -> None:
    small = ["--size", "32", "--device", "cpu"]
    make = ["pretrain", "--dataset", str(easy / "easy"), "--out", "mine.safetensors", "--arch", "vgg11_bn"]
    bench(*make, *small, "--width", "0.1", "--epochs", "3", "--set", "batch_size=8", cwd=tmp_path)
    use = ["run", "frozen-vgg", "--dataset", str(easy / "easy"), "--arch", "vgg11_bn", "--width", "0.1"]
    done = bench(*use, *small, "--epochs", "2", "--weights", "mine.safetensors", "--head", "last", cwd=tmp_path)
    assert "easy (2 classes, 96 images, 32 px)" in done.stdout


def test_a_pooled_head_goes_all_the_way_from_pretraining_to_predictions(bench, easy: Path, tmp_path: Path) -> None:
    vgg = ["--dataset", str(easy / "easy"), "--arch", "vgg11_bn", "--width", "0.1"]
    small = ["--size", "32", "--epochs", "1", "--device", "cpu", "--set", "batch_size=8"]
    bench("pretrain", *vgg, *small, "--out", "mine.safetensors", "--set", "head=pooled", cwd=tmp_path)
    models = ["scratch-vgg", "frozen-vgg", "finetuned-vgg"]
    done = bench("run", *models, *vgg, *small, "--weights", "mine.safetensors", "--head", "pooled", cwd=tmp_path)
    assert done.stdout.count("head pooled") == 3
    runs, _ = read_runs(tmp_path / "results")
    assert {(r.model.name, r.model.head, r.recipe["head"]) for r in runs.values()} == {
        (model, "pooled", "pooled") for model in models
    }
    for folder, run in runs.items():
        assert run.model.parameters_total < 100_000
        recorded = read_predictions(folder, read_run(folder))[:6]
        images = [easy / "easy" / prediction.file for prediction in recorded]
        for [(label, probability)], prediction in zip(
            classify(classifier_of_run(folder), images, top=1), recorded, strict=True
        ):
            assert (label, probability) == (prediction.predicted, pytest.approx(prediction.probability, abs=1e-3))


def test_models_counts_without_loading_weights(bench, tmp_path: Path) -> None:
    done = bench("models", "--classes", "2", "--size", "224", "--head", "last", "--json", cwd=tmp_path)
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["baseline-cnn"]["parameters_total"] == 23_963_777
    assert rows["frozen-vgg"]["parameters_total"] == 134_264_641
    assert rows["frozen-vgg"]["parameters_trainable"] == 4_097


def test_summary_lists_every_layer(bench, tmp_path: Path) -> None:
    done = bench("summary", "scratch-vgg", "--arch", "vgg11", "--classes", "1000", cwd=tmp_path)
    lines = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line.strip()}
    assert lines["features.0"] == ["Conv2d", "64x224x224", "1,792", "yes", "89.9", "12.25", "0.01"]
    assert lines["features.1"] == ["ReLU", "64x224x224", "0.00"]  # in place
    assert lines["avgpool"][-2:] == ["512x7x7", "0.10"]
    assert lines["total"][:2] == ["132,863,336", "yes"]


def test_summary_shows_a_pooled_head(bench, tmp_path: Path) -> None:
    done = bench("summary", "scratch-vgg", "--head", "pooled", "--size", "64", cwd=tmp_path)
    lines = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line.strip()}
    assert lines["avgpool"][1] == "512x1x1"
    assert lines["classifier.1"][1:4] == ["1", "513", "yes"]
    assert lines["total"][:2] == ["14,715,201", "yes"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "all", "--dataset", "nowhere"], 2, "--dataset nowhere: neither a dataset"),
        (["run", "vgg"], 2, "vgg: no such model"),
        (["run", "baseline-cnn", "--dataset", "DATA", "--arch", "vgg16"], 2, "--arch has no effect on baseline-cnn"),
        (
            ["run", "baseline-cnn", "--dataset", "DATA", "--set", "learning=1"],
            2,
            "--set learning: no such field; choose from arch",
        ),
        (["run", "baseline-cnn", "--dataset", "DATA", "--set", "lr=fast"], 2, "--set lr=fast: must be a number"),
        (["run", "baseline-cnn", "--dataset", "DATA", "--epochs", "0"], 2, "epochs must be at least 1"),
        (
            ["run", "scratch-vgg", "--dataset", "DATA", "--arch", "vgg17"],
            2,
            "--arch vgg17: no such network; did you mean vgg19",
        ),
        (["run", "frozen-vgg", "--dataset", "DATA", "--weights", "no.pth"], 4, "no.pth: no such file"),
        (["run", "baseline-cnn", "--dataset", "DATA", "--train-images", "99"], 2, "has only 24 to train on"),
        (["run", "baseline-cnn", "--dataset", "DATA", "--device", "tpu"], 2, "--device tpu"),
        (["run", "baseline-cnn", "--dataset", "DATA", "--set", "seeds=abc"], 2, "use --seeds"),
        (
            ["run", "baseline-cnn", "--dataset", "DATA", "--epochs", "1", "--set", "epochs=2"],
            2,
            "--epochs is given too",
        ),
        (
            ["run", "scratch-vgg", "--dataset", "DATA", "--arch", "vit_b_16", "--size", "64"],
            2,
            "vit_b_16 cannot take it",
        ),
        (["run", "frozen-vgg", "--dataset", "DATA", "--set", "weights=none"], 2, "frozen-vgg needs pretrained weights"),
        (
            ["run", "frozen-vgg", "--dataset", "DATA", "--arch", "foo"],
            2,
            "--arch foo: no such network; choose from alexnet",
        ),
        (["run", "baseline-cnn", "--dataset", "DATA", "--tune", "0"], 2, "--tune 0: give the number of trials"),
        (["run", "baseline-cnn", "--dataset", "DATA", "--budget", "30"], 2, "--budget 30: write a time such as 90s"),
        (["run", "baseline-cnn", "--dataset", "DATA", "--budget", "1s"], 2, "--budget: too short: each recipe gets 1s"),
        (["run", "baseline-cnn", "--dataset", "DATA", "--set", "tune=3"], 2, "use --tune"),
        (["show", "nothing"], 2, "nothing: no such run"),
        (["predict", "nothing", "no.jpg"], 2, "no.jpg: no such file"),
        (["models", "--classes", "1"], 2, "--classes 1"),
        (["pretrain", "--dataset", "DATA", "--out", "w.pth"], 2, "--out w.pth: must end in .safetensors"),
    ],
)
def test_errors_are_one_line_with_the_documented_code(
    arguments: list[str],
    code: int,
    message: str,
    two_classes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bench", *(str(two_classes / "two") if a == "DATA" else a for a in arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    error = capsys.readouterr().err
    assert caught.value.code == code
    assert error.startswith("bench: ") and error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "results").exists()


def test_a_model_that_diverges_is_reported_and_the_others_run(bench, two_classes: Path, tmp_path: Path) -> None:
    command = ["run", "baseline-cnn", "scratch-vgg", "--dataset", str(two_classes / "two"), *SMALL]
    extra = ["--arch", "vgg11_bn", "--width", "0.1", "--set", "lr=100", "--set", "clip_norm=none", "--set", "warmup=0"]
    done = bench(*command, *extra, cwd=tmp_path, code=1)
    runs, _ = read_runs(tmp_path / "results")
    assert len(runs) == 2
    assert any(r.result.status == "failed" and "NaN" in (r.result.reason or "") for r in runs.values())
    assert "failed: the loss became NaN" in done.stdout


def test_bench_run_in_python_returns_a_row_per_run(easy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import bench as package

    monkeypatch.chdir(tmp_path)
    table = package.run("baseline-cnn", str(easy / "easy"), size=32, epochs=1, device="cpu", batch_size=8, seeds=2)
    assert list(table["seed"]) == [1, 2]
    assert set(table["status"]) <= {"done", "stalled"}
    record = package.load_run(tmp_path / "results/easy" / table["run"][0])
    assert record.result.accuracy == table["accuracy"][0]


def test_set_help_lists_every_field_with_its_meaning(bench, tmp_path: Path) -> None:
    listed = bench("run", "all", "--set", "help", cwd=tmp_path).stdout
    assert all(f"  {field.name} " in listed and field.metadata["meaning"] in listed for field in fields(Recipe))


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=lambda command: " ".join(command))
def test_help_fits_80_columns(bench, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = bench(*command, "--help", cwd=tmp_path).stdout
    assert [line for line in text.splitlines() if len(line) > 80] == []
    if command in ([], ["run"]):
        assert "Examples:" in text and "Exit codes: 0 done, 1 a run failed or stalled" in text
