"""What the terminal says before and after training: unequal classes, the verdict, and what to try next."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

from bench.api import RunRequest, prepare, print_verdict
from bench.commands.options import make_console
from bench.commands.show import _facts
from bench.data import open_source
from bench.neighbours import build_report
from bench.records import WEIGHTS_FILE, Run, are_unequal, balanced_accuracy
from bench.runs import print_runs
from bench.training import compute_metrics
from collect.datasets import make_table
from tests.bench.conftest import draw_dataset
from tests.factories.results import BASELINE, FINETUNED, FROZEN, make_facts, make_run


def printed(show, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width)
    show(console)
    return console.file.getvalue()


def test_names_in_tables_are_shown_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    table = make_table("[/x]", left=("[/x]",))
    table.add_row("runs[/b]\x1b[31m")
    make_console().print(table)
    out = capsys.readouterr().out
    assert "[/x]" in out and "runs[/b]\\x1b[31m" in out and "\x1b" not in out


@pytest.fixture
def always_car(tmp_path: Path) -> Run:
    """A run that answers car for each of 4 bicycles and 80 cars."""
    run = make_run(tmp_path, "ds", ["bicycle", "car"], BASELINE, 1, evidence=False)
    labels = torch.tensor([0] * 4 + [1] * 80)
    return replace(run, result=compute_metrics(torch.ones(84, 1), labels, 2))


def test_balanced_accuracy_is_the_mean_over_classes(always_car: Run) -> None:
    assert always_car.result.accuracy == pytest.approx(0.952, abs=5e-4)
    assert always_car.result.balanced_accuracy == 0.5
    three = compute_metrics(torch.eye(3)[[0, 0, 1, 2, 2, 2]], torch.tensor([0, 1, 1, 2, 2, 2]), 3)
    assert three.balanced_accuracy == pytest.approx((1 + 1 / 2 + 1) / 3)


def test_a_record_of_an_earlier_version_has_it_from_its_confusion_matrix(always_car: Run) -> None:
    assert balanced_accuracy(replace(always_car.result, balanced_accuracy=None)) == 0.5
    assert balanced_accuracy(replace(always_car.result, balanced_accuracy=None, confusion=None)) is None


def test_classes_are_unequal_from_one_and_a_half_times_on() -> None:
    assert [are_unequal(c) for c in ([10, 15], [10, 16], [0, 1], [7], [])] == [False, True, True, False, False]


def test_the_table_of_runs_shows_balanced_accuracy_and_always_guessing(always_car: Run) -> None:
    text = printed(lambda console: print_runs([always_car], console))
    assert "balanced" in text and "95.2% (" in text and " 50.0% " in text
    assert "always answering car gives 95.2% accuracy" in text and "guessing gives 50.0%" in text


def test_the_table_of_runs_fits_80_columns(always_car: Run) -> None:
    text = printed(lambda console: print_runs([always_car], console), width=80)
    assert "…" not in text and "baseline-cnn" in text and "1,714,369" in text


def test_equal_classes_have_no_balanced_accuracy_in_the_table(tmp_path: Path) -> None:
    run = make_run(tmp_path, "ds", ["bicycle", "car"], BASELINE, 1, evidence=False)
    text = printed(lambda console: print_runs([run], console))
    assert "balanced" not in text and "always answering" not in text
    assert not [name for name, _ in _facts(run) if "balanced" in name]


def test_show_gives_balanced_accuracy_and_always_guessing(always_car: Run) -> None:
    facts = dict(_facts(always_car))
    assert facts["balanced accuracy"] == "50.0%, the mean over classes; guessing gives 50.0%"
    assert facts["always guessing"] == "95.2%: the accuracy of always answering car"


def test_bench_warns_about_unequal_classes_before_training(tmp_path: Path) -> None:
    folder = draw_dataset(tmp_path / "mine", ("car", "bicycle"), 12, 6)
    for path in sorted((folder / "train/bicycle").iterdir())[3:]:
        path.unlink()
    request = RunRequest(
        ["baseline-cnn"], str(folder), {"size": 32, "device": "cpu"}, tmp_path, tmp_path / "r", "bench"
    )
    text = printed(lambda console: prepare(request, console), width=80)
    assert "\nwarning: classes are unequal: car has 12 train photos, bicycle 3. Always answering car would be" in text
    assert "Collect more photos of bicycle" in text


@pytest.fixture
def drawn_results(two_classes: Path, tmp_path: Path) -> Path:
    """Results of the dataset `two` in which fine-tuned VGG is best; every run has a file of weights."""
    results = tmp_path / "results"
    for profile in (replace(FROZEN, accuracy=0.85), FINETUNED):
        for seed in (1, 2, 3):
            run = make_run(results, "two", ["bicycle", "car"], profile, seed, pictures=False)
            (results / "two" / run.run / WEIGHTS_FILE).touch()
    make_facts(results, run)
    return results


def test_the_terminal_prints_the_verdict_of_the_report_and_a_command_to_try(
    drawn_results: Path, two_classes: Path
) -> None:
    source = open_source("two", two_classes)
    text = printed(lambda console: print_verdict(source, drawn_results, console), width=300)
    verdict, step, command = text.splitlines()
    (page,) = build_report(drawn_results, "two")
    report = page.read_text().replace("\u00a0", " ")
    title = verdict.removeprefix("Verdict: ")
    assert title.startswith("Use fine-tuned VGG: ") and f"<h1>{title}</h1>" in report
    assert f"<li>{step.removeprefix('Next step: ')}</li>" in report
    _, _, run, image, *rest = command.removeprefix("Try it: ").split()
    assert command.startswith("Try it: bench predict ") and rest == ["--results", str(drawn_results)]
    assert run.startswith("finetuned-vgg") and (drawn_results / "two" / run / WEIGHTS_FILE).is_file()
    assert Path(image).is_file() and "/test/" in image


def test_a_run_without_weights_is_not_offered_for_a_try(drawn_results: Path, two_classes: Path) -> None:
    for path in drawn_results.glob(f"two/*/{WEIGHTS_FILE}"):
        path.unlink()
    source = open_source("two", two_classes)
    assert "Try it" not in printed(lambda console: print_verdict(source, drawn_results, console))


def test_no_command_to_try_is_offered_if_no_model_has_learned(two_classes: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path, "two", ["bicycle", "car"], replace(BASELINE, accuracy=0.5), 1, pictures=False)
    (tmp_path / "two" / run.run / WEIGHTS_FILE).touch()
    text = printed(lambda console: print_verdict(open_source("two", two_classes), tmp_path, console))
    assert "Verdict: No model has learned the task" in text and "Try it" not in text
