"""A run's process as its command sees it: what is shown while it works, and what a crash leaves behind."""

import io
import multiprocessing
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from bench.data import open_source
from bench.errors import RecordError, VggbenchError
from bench.events import Emit, EpochEnd, Event, Failure, ImagesDone, Note, Step
from bench.experiment import run
from bench.outcome import open_inputs
from bench.plans import Plan
from bench.records import Epoch, Run, read_run
from bench.runs import Worker, finished_run, make_run, make_runs
from bench.runs.display import show_progress
from bench.runs.runner import RunError, _crash_reason, _plan_title
from bench.server import start_process
from bench.training import CHECKPOINT_FILE
from collect.datasets import lock_folder
from tests.bench.damage import DAMAGES
from tests.forked import ROOT

EPOCH = Epoch(1, 0.5, 0.75, 0.6, 0.7, 1.25, 320.0)


def shown(plan, *events, terminal: bool = False, width: int = 120, title: str | None = None) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal)
    with show_progress(console, plan, title) as show:
        for event in events:
            show(event)
    return out.getvalue()


def test_without_a_terminal_there_is_a_line_per_note_and_epoch(small_plan, tmp_path: Path) -> None:
    plan = small_plan("baseline-cnn", "two", tmp_path)
    text = shown(plan, ImagesDone("packing images", 1, 2), Step(1, 1, 4, 100.0), Note("look out"), EpochEnd(EPOCH))
    assert text.splitlines() == [
        "  note: look out",
        "  epoch 1/2: train loss 0.500, test accuracy 70.0%, loss 0.600, 1.2 s, 320 images/s",
    ]


def test_long_work_on_images_is_reported_without_a_terminal_too(
    small_plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = small_plan("baseline-cnn", "two", tmp_path)
    work = [ImagesDone("packing images", done, 9_000) for done in (1_000, 2_000, 3_000)]
    seconds = iter([0.0, 9.0, 11.0, 11.0, 12.0])
    monkeypatch.setattr("bench.runs.display.time", SimpleNamespace(monotonic=lambda: next(seconds)))
    assert shown(plan, *work) == "  packing images 2,000/9,000\n"


def test_validation_is_not_called_a_test(small_plan, tmp_path: Path) -> None:
    plan = small_plan("baseline-cnn", "two", tmp_path, epochs="auto")
    epoch = replace(EPOCH, test_loss=None, test_accuracy=None, val_loss=0.6, val_accuracy=0.7)
    assert "epoch 1: train loss 0.500, validation accuracy 70.0%" in shown(plan, EpochEnd(epoch))


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (ImagesDone("packing images", 1_000, 2_000), "packing images 1,000/2,000"),
        (ImagesDone("backbone features", 5, 10), "backbone features 5/10"),
        (Step(1, 2, 4, 100.0, 0.69, 0.5, 2), "epoch 1/2, loss 0.690, train accuracy 50.0%, 100 images/s"),
        (Step(1, 2, 4, 100.0, epochs=2), "epoch 1/2, 100 images/s"),
        (Step(1, 2, 4, 100.0), "epoch 1, 100 images/s"),
    ],
)
def test_on_a_terminal_a_bar_describes_the_current_event(event, text: str, small_plan, tmp_path: Path) -> None:
    assert text in shown(small_plan("baseline-cnn", "two", tmp_path), event, terminal=True)


COLOURS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def bar_lines(plan, *events, width: int, title: str) -> list[str]:
    """Each state of the bar, without colours."""
    text = COLOURS.sub("", shown(plan, *events, terminal=True, width=width, title=title))
    return [line for line in re.split(r"[\r\n]+", text) if line.strip()]


@pytest.mark.parametrize(("width", "rate"), [(80, ""), (120, ", train accuracy 50.0%, 1,200 images/s")])
def test_the_bar_fits_and_begins_again_after_the_images(small_plan, tmp_path: Path, width: int, rate: str) -> None:
    plan = small_plan("finetuned-vgg", "two", tmp_path)
    events = (ImagesDone("backbone features", 190_000, 190_000), Step(12, 2, 4, 1200.0, 0.69, 0.5, 40))
    lines = bar_lines(plan, *events, width=width, title="finetuned-vgg trial 10/10")
    assert "…" not in "".join(lines) and max(map(len, lines)) <= width
    assert any("backbone features 190,000/190,000" in line for line in lines)
    assert f"0:00:00 --:-- epoch 12/40, loss 0.690{rate}" in lines[-1]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_long_title_is_cut_and_the_bar_and_times_are_not(small_plan, tmp_path: Path, width: int) -> None:
    events = (ImagesDone("backbone features", 95_000, 190_000), Step(1, 1, 4, 1200.0, 0.69, 0.5, 40))
    lines = bar_lines(small_plan("baseline-cnn", "two", tmp_path), *events, width=width, title="finetuned-vgg " * 8)
    assert max(map(len, lines)) <= width
    assert all(
        re.search(rf"━{{{12 if width == 120 else 6}}} 0:00:00 --:-- ", line.replace("╸", "━").replace("╺", "━"))
        for line in lines
    )


def test_the_remaining_time_is_not_zero_while_work_follows(small_plan, tmp_path: Path) -> None:
    events = (ImagesDone("packing images", 1, 2), ImagesDone("packing images", 2, 2))
    lines = bar_lines(small_plan("baseline-cnn", "two", tmp_path), *events, width=80, title="pretraining vgg11")
    assert "packing images 2/2" in lines[-1] and " 00:00 " not in lines[-1]
    trained = [Step(epoch, 4, 4, 100.0, epochs=2) for epoch in (1, 2)]
    lines = bar_lines(small_plan("baseline-cnn", "two", tmp_path), *trained, width=80, title="baseline-cnn seed 1")
    assert "epoch 2/2" in lines[-1] and " 00:00 " not in lines[-1]


def test_a_failed_run_is_recorded_and_is_not_finished(two_classes: Path, small_plan) -> None:
    plan = small_plan("baseline-cnn", "two", two_classes, lr=100.0, clip_norm=None, warmup=0.0)
    record = make_run(plan, open_source("two", two_classes), Console(quiet=True))
    assert record.result.status == "failed"
    assert "NaN" in (record.result.reason or "")
    assert read_run(plan.folder) == record
    assert finished_run(plan) is None


def test_a_record_that_cannot_be_read_is_named_and_never_replaced(small_plan, tmp_path: Path) -> None:
    plan = small_plan("baseline-cnn", "two", tmp_path)
    path = Path(plan.folder) / "run.json"
    path.parent.mkdir()
    path.write_text('{"schema": "vggbench.run/2"}')
    with pytest.raises(RecordError, match=r"schema is 'vggbench\.run/2'.*make another run with --fresh"):
        finished_run(plan)


def test_an_error_that_concerns_the_whole_command_is_raised_and_leaves_no_record(two_classes: Path, small_plan) -> None:
    plan = replace(small_plan("baseline-cnn", "two", two_classes), dataset=str(two_classes / "nowhere"))
    with pytest.raises(RunError, match="nowhere") as caught:
        make_run(plan, open_source("two", two_classes), Console(quiet=True))
    assert caught.value.exit_code == 2
    assert list(Path(plan.folder).iterdir()) == []


def test_a_crash_is_explained_by_its_last_line_or_by_memory(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("warning\nSegmentation fault\n")
    assert _crash_reason(1, log) == "the process ended with code 1: Segmentation fault (see worker.log in its folder)"
    assert "memory ran out; try a smaller --batch-size" in _crash_reason(-9, log)


def test_a_title_names_the_fields_in_which_runs_of_a_model_differ(small_plan, tmp_path: Path) -> None:
    plans = [small_plan("baseline-cnn", "two", tmp_path, lr=lr) for lr in (0.01, 0.02)]
    assert _plan_title(plans[1], plans) == "baseline-cnn, lr=0.02, seed 1"
    assert _plan_title(plans[0], plans[:1]) == "baseline-cnn, seed 1"


def quiet() -> Console:
    return Console(quiet=True)


SCRIPT = """
print("the script starts")
import bench
flags = dict(size=32, epochs=1, batch_size=8, device="cpu", precision="fp32")
table = bench.run("baseline-cnn", {dataset!r}, quiet=True, **flags)
print(*table["status"])
"""


@pytest.mark.parametrize("from_a_file", [True, False], ids=["script", "standard input"])
def test_a_plain_script_without_a_main_guard_runs_once(from_a_file: bool, two_classes: Path, tmp_path: Path) -> None:
    script = SCRIPT.format(dataset=str(two_classes / "two"))
    (tmp_path / "script.py").write_text(script)
    command = [sys.executable, "script.py"] if from_a_file else [sys.executable]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, capture_output=True, timeout=200,
        input=None if from_a_file else script,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    start, statuses = done.stdout.splitlines()
    assert start == "the script starts"
    assert statuses in ("done", "stalled")


def describe_process(pipe) -> None:
    """Runs in a worker's process."""
    import torch

    modules = [
        name for name in ("torch", "torchvision.models", "scipy.stats", "bench.experiment") if name in sys.modules
    ]
    pipe.send((modules, torch.cuda.is_initialized(), vars(sys.modules["__main__"]).get("__file__")))


def test_a_worker_starts_with_its_imports_done_and_without_a_cuda_context() -> None:
    ours, theirs = multiprocessing.Pipe()
    process = start_process(describe_process, theirs)
    modules, has_cuda_context, main_file = ours.recv()
    process.join()
    assert modules == ["torch", "torchvision.models", "scipy.stats", "bench.experiment"]
    assert not has_cuda_context
    assert main_file is None


def test_a_worker_uses_the_environment_of_its_command(
    two_classes: Path, small_plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        make_run(
            small_plan("baseline-cnn", "two", two_classes, name + "-run"), open_source("two", two_classes), quiet()
        )
        assert list((tmp_path / name / "vggbench" / "packs").iterdir())


def kill_worker(worker: Worker):
    """A function that shows nothing and kills the worker after three epochs."""

    def show(event) -> None:
        if isinstance(event, EpochEnd) and event.epoch.epoch == 3:
            os.kill(worker._process.pid, signal.SIGKILL)

    return show


def test_a_killed_worker_is_a_failure_and_keeps_the_checkpoint(two_classes: Path, small_plan) -> None:
    plan = small_plan("baseline-cnn", "two", two_classes, epochs=200)
    Path(plan.folder).mkdir(parents=True)
    with Worker() as worker:
        failure = worker.make(plan, kill_worker(worker), None)
        assert worker.has_ended
    assert failure is not None and "killed by the system" in failure.message
    assert (Path(plan.folder) / ".checkpoint.pt").is_file()


DYING_COMMAND = """
import os, pickle, signal, sys
from pathlib import Path
from bench.runs import Worker
from collect.datasets import lock_folder
plan, worker = pickle.loads(sys.stdin.buffer.read()), Worker()
print(worker._process.pid, flush=True)

def die(event):
    os.kill(worker._process.pid, signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGKILL)

with lock_folder(Path(plan.folder), print) as lock:
    worker.make(plan, die, lock)
"""


def test_a_worker_ends_when_its_command_dies_and_holds_the_lock_until_then(
    two_classes: Path, small_plan, tmp_path: Path
) -> None:
    plan = small_plan("baseline-cnn", "two", two_classes, epochs=5000)
    folder, given, out, errors = (tmp_path / name for name in ("run", "plan", "out", "errors"))
    given.write_bytes(pickle.dumps(plan))
    with given.open("rb") as stdin, out.open("wb") as stdout, errors.open("wb") as stderr:  # a pipe would stay open
        done = subprocess.run(
            [sys.executable, "-c", DYING_COMMAND], env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=200,
            stdin=stdin, stdout=stdout, stderr=stderr,
        )  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    worker = int(out.read_text())
    with pytest.raises(VggbenchError, match="another command works here"), lock_folder(folder, print):
        pass
    os.kill(worker, signal.SIGCONT)
    with lock_folder(folder, lambda line: None, wait=True):
        pass
    deadline = time.monotonic() + 30
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()
    assert errors.read_text() == ""


def test_of_two_commands_with_one_plan_the_second_waits_and_takes_the_run_of_the_first(
    two_classes: Path, small_plan
) -> None:
    plan, source = small_plan("baseline-cnn", "two", two_classes, epochs=20), open_source("two", two_classes)
    outputs = [io.StringIO(), io.StringIO()]
    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(make_runs, [plan], source, Console(file=out, width=300)) for out in outputs]
        [one], [two] = (job.result() for job in jobs)
    assert one == two
    first, second = sorted((out.getvalue() for out in outputs), key=lambda text: "another command" in text)
    assert "another command" not in first and first.count("epoch ") == 20
    assert f"{plan.folder}: another command works here (process {os.getpid()} on " in second
    assert second.count("epoch ") == 0 and "accuracy" in second
    left = {path.name for path in Path(plan.folder).iterdir()}
    assert left == {"run.json", "predictions.csv", "weights.safetensors", "pictures"}


def test_a_damaged_checkpoint_is_named_and_the_run_ends_as_if_it_had_not_been_interrupted(
    two_classes: Path, small_plan
) -> None:
    source, losses = open_source("two", two_classes), []
    for name in ("whole", "interrupted"):
        plan = small_plan("baseline-cnn", "two", two_classes, name, epochs=6, deterministic=True)
        out = io.StringIO()
        if name == "interrupted":
            Path(plan.folder).mkdir(parents=True)
            with Worker() as worker:
                assert worker.make(plan, kill_worker(worker), None) is not None
            DAMAGES["flipped bit"](Path(plan.folder) / CHECKPOINT_FILE)
        losses.append([e.train_loss for e in make_run(plan, source, Console(file=out, width=300)).epochs])
    assert losses[0] == losses[1]
    assert ".checkpoint.pt: damaged: its checksum differs; it is made again: training starts with" in out.getvalue()


def test_a_run_that_fails_harms_no_other(two_classes: Path, small_plan, tmp_path: Path) -> None:
    plans = [
        small_plan("baseline-cnn", "two", two_classes, "bad", size=32),
        small_plan("baseline-cnn", "two", two_classes, "good"),
    ]
    (tmp_path / "bad" / "weights.safetensors").mkdir(parents=True)  # in the way of the file
    runs = make_runs(plans, open_source("two", two_classes), quiet())
    assert [r.result.status == "failed" for r in runs] == [True, False]
    assert "Is a directory" in (runs[0].result.reason or "")


def test_a_run_made_after_another_in_one_process_is_the_same_and_has_its_own_peak_of_memory(
    two_classes: Path, small_plan
) -> None:
    large = small_plan("scratch-vgg", "two", two_classes, "large", arch="vgg11", width=0.5, epochs=1, batch_size=48)
    small = [small_plan("baseline-cnn", "two", two_classes, name) for name in ("alone", "after")]
    for plan in (large, *small):
        Path(plan.folder).mkdir(parents=True)
    with Worker() as worker:
        assert worker.make(small[0], lambda event: None, None) is None
    with Worker() as worker:
        assert worker.make(large, lambda event: None, None) is None
        assert worker.make(small[1], lambda event: None, None) is None
    alone, after = (read_run(plan.folder) for plan in small)
    assert [e.train_loss for e in alone.epochs] == [e.train_loss for e in after.epochs]
    assert after.cost.peak_memory_bytes < read_run(large.folder).cost.peak_memory_bytes - 100e6


def frozen_plans(small_plan, data: Path, pretrained: Path, home: str) -> list[Plan]:
    """Three runs on one frozen backbone, and two others between them."""
    frozen = [("a", {"lr": 1e-3}), ("b", {"lr": 3e-4, "batch_size": 4}), ("c", {"train_images": 12, "epochs": 4})]
    values = {"weights": str(pretrained)}
    plans = [small_plan("frozen-vgg", "two", data, f"{home}-{name}", **values, **more) for name, more in frozen]
    plans.insert(1, small_plan("baseline-cnn", "two", data, f"{home}-baseline"))
    plans.insert(3, small_plan("frozen-vgg", "two", data, f"{home}-last", head="last", **values))
    return plans


def figures(record: Run) -> list[tuple[float | None, ...]]:
    return [(e.train_loss, e.train_accuracy, e.test_loss, e.test_accuracy) for e in record.epochs]


def test_runs_on_one_frozen_backbone_share_a_process_and_get_the_figures_they_get_alone(
    two_classes: Path, small_plan, pretrained: Path
) -> None:
    source = open_source("two", two_classes)
    alone = [make_run(p, source, quiet()) for p in frozen_plans(small_plan, two_classes, pretrained, "alone")]
    together = make_runs(frozen_plans(small_plan, two_classes, pretrained, "together"), source, quiet())
    assert [r.run for r in together] == [r.run.replace("alone", "together") for r in alone]
    assert [figures(r) for r in together] == [figures(r) for r in alone]
    assert [r.cost.shared_with for r in together] == [2, None, 2, None, 2]
    assert [r.cost.shared_with for r in alone] == [None] * 5


def test_a_finished_run_does_not_count_as_shared(two_classes: Path, small_plan, pretrained: Path) -> None:
    source = open_source("two", two_classes)
    plans = frozen_plans(small_plan, two_classes, pretrained, "run")
    make_run(plans[0], source, quiet())
    assert [r.cost.shared_with for r in make_runs(plans, source, quiet())] == [None, None, 1, None, 1]


def test_the_time_to_open_shared_data_counts_for_every_run(two_classes: Path, small_plan, pretrained: Path) -> None:
    plan = small_plan("frozen-vgg", "two", two_classes, weights=str(pretrained))
    opened = open_inputs(plan, shared_with=3)
    assert opened.seconds > 0
    record = run(plan, lambda event: None, replace(opened, seconds=1000.0))
    assert 1000 < record.cost.total_seconds < 1100
    assert record.cost.shared_with == 3


def test_a_crash_in_a_shared_process_harms_no_run(
    two_classes: Path, small_plan, pretrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out, killed = open_source("two", two_classes), io.StringIO(), []
    plans = frozen_plans(small_plan, two_classes, pretrained, "run")[::2]
    make = Worker.make

    def make_and_kill_once(worker: Worker, plan: Plan, show: Emit, lock: int | None) -> Failure | None:
        def kill(event: Event) -> None:
            if isinstance(event, EpochEnd) and plan == plans[1] and not killed:
                os.kill(worker._process.pid, signal.SIGKILL)
                killed.append(plan)
            show(event)

        return make(worker, plan, kill, lock)

    monkeypatch.setattr(Worker, "make", make_and_kill_once)
    records = make_runs(plans, source, Console(file=out, width=200))
    assert killed == [plans[1]]
    assert all(r.result.status != "failed" for r in records)
    assert [r.cost.shared_with for r in records] == [2, None, None]
    assert "trying again in a process of its own" in out.getvalue()
