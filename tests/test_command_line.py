"""What the three commands have in common: help, version, completion, repeated flags, hints for wrong names."""

import re
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from bench.cli import app as bench
from bench.errors import UsageError, VggbenchError
from bench.recipes import parse_value
from collect.cli import app as collect
from collect.command_line import name_hint, vggbench_version
from reports.cli import app as reports

COMMANDS = {"collect": collect, "bench": bench, "reports": reports}


def called(app: Typer, *args: str) -> tuple[int, str]:
    """Exit code and all output, on a terminal of 80 columns."""
    result = CliRunner().invoke(app, list(args), env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
    if isinstance(result.exception, VggbenchError):  # run_command prints it and ends with its code
        return result.exception.exit_code, result.output + str(result.exception)
    return result.exit_code, result.output


@pytest.mark.parametrize(("name", "app"), COMMANDS.items())
def test_each_command_has_version_short_help_and_completion(name: str, app: Typer) -> None:
    assert called(app, "--version") == (0, f"{name} (vggbench {vggbench_version()})\n")
    code, text = called(app, "-h")
    assert (code, called(app, "--help")) == (0, (0, text))
    assert "--install-completion" in text and "--show-completion" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("app", "args"),
    [
        (bench, ["run", "all", "--size", "32", "--size", "64"]),
        (bench, ["predict", "vgg16", "x.jpg", "--top", "1", "--top", "2"]),
        (collect, ["car", "--train", "3", "--test", "1", "--train", "3"]),
        (reports, ["build", "--dataset", "a", "--dataset", "b"]),
    ],
)
def test_a_flag_given_twice_is_an_error(app: Typer, args: list[str]) -> None:
    code, text = called(app, *args)
    assert code == 2
    assert re.search(r"Error: --(size|top|train|dataset) is given twice; give it once", text)


def test_a_field_given_twice_is_an_error() -> None:
    code, text = called(bench, "run", "all", "--set", "lr=1", "--set", "lr=2")
    assert (code, "--set lr=...: is given twice" in text) == (2, True)


@pytest.mark.parametrize(
    ("app", "args", "hint"),
    [
        (bench, ["rum", "all"], "Did you mean 'run'"),
        (bench, ["run", "vgg"], "vgg: no such model; did you mean frozen-vgg, scratch-vgg or finetuned-vgg?"),
        (bench, ["run", "scratch-vg"], "scratch-vg: no such model; did you mean scratch-vgg?"),
        (bench, ["run", "all", "--dataset", "samplle"], "did you mean sample?"),
        (bench, ["run", "all", "--dataset", "imagenette"], "collect it first: collect --dataset imagenette"),
        (bench, ["summary", "baseline"], "did you mean baseline-cnn?"),
        (collect, ["--dataset", "imagenete"], "did you mean imagenette, imagenette-320 or imagenette-160?"),
        (collect, ["car", "--source", "flikr"], "--source flikr: no such source; did you mean flickr?"),
        (collect, ["car", "--license", "by-ss"], "--license by-ss: no such licence; did you mean by-sa"),
    ],
)
def test_a_wrong_name_gets_a_hint(
    app: Typer, args: list[str], hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, text = called(app, *args)
    assert code == 2
    assert hint in text


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("lrr", 1, "--set lrr: no such field; did you mean lr or backbone_lr?"),
        ("batchsize", 1, "did you mean batch_size"),
        ("epochs", "x", "--set epochs=x: must be a whole number or auto"),
        ("train_images", 1.5, "must be a whole number or none"),
        ("lr", "fast", "--set lr=fast: must be a number"),
        ("deterministic", 1, "must be true or false"),
        ("augment", "flp", "--set augment=flp: did you mean flip or flip-rotate?"),
    ],
)
def test_wrong_fields_and_values_are_told_in_words(key: str, value: object, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)) as error:
        parse_value(key, value)
    assert len(str(error.value)) < 160 and "\n" not in str(error.value)


def test_hints_name_what_there_is_if_nothing_is_close() -> None:
    assert name_hint("zebra", ["lr", "width"]) == "choose from lr, width"
    assert name_hint("zebra", []) == "there are none"
    many = name_hint("zebra", [f"run{i:02}" for i in range(20)])
    assert many.startswith("choose from run00, run01,") and many.endswith("and 8 more")
