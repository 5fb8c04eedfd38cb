"""The commands: what they print, where they write, how they fail."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forked import ROOT


@pytest.mark.parametrize(
    ("args", "example"),
    [
        ([], "reports build --dataset car-bicycle --open"),
        (["build"], "reports build --dataset car-bicycle --out report.html"),
        (["table"], "reports table --dataset car-bicycle --format csv > table.csv"),
        (["list"], "reports list --results elsewhere/results"),
    ],
)
def test_help_has_examples_and_exit_codes_within_80_columns(reports, args: list[str], example: str) -> None:
    done = reports(*args, "--help", columns=80)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert example in [line.strip() for line in lines]
    assert "  Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted" in lines
    assert max(map(len, lines)) <= 80


def test_build_prints_the_path_it_wrote(reports, results: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "report.html"
    done = reports("build", "--dataset", "imagenette", "--results", results, "--out", out)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, str(out), "")
    assert out.read_text().startswith("<!doctype html>")


def test_list_has_a_line_for_each_dataset(reports, results: Path) -> None:
    lines = reports("list", "--results", results).stdout.splitlines()
    assert lines == [
        "car-bicycle: 48 runs, best Fine-tuned VGG 96.3% in 3.7 min",
        "imagenette: 4 runs, not decided between Fine-tuned VGG and Frozen VGG",
    ]


def test_json_table_has_the_means_of_the_records(reports, results: Path) -> None:
    rows = json.loads(reports("table", "--dataset", "car-bicycle", "--results", results, "--format", "json").stdout)
    assert len(rows) == 16
    runs = [json.loads(p.read_text()) for p in sorted(results.glob("car-bicycle/finetuned-vgg-s?/run.json"))]
    first = rows[0]
    assert first["model"] == "finetuned-vgg" and first["ties_best"] is True
    assert first["accuracy"] == pytest.approx(sum(r["result"]["accuracy"] for r in runs) / 3)
    assert first["accuracy_seeds_low"] < first["accuracy"] < first["accuracy_seeds_high"]
    assert first["weights"] == "vgg16_bn-tinyimagenet (Tiny-ImageNet)"


def test_csv_table_parses_and_runs_no_formula(reports, results: Path, tmp_path: Path) -> None:
    source = results / "imagenette/frozen-vgg-s1/run.json"
    folder = tmp_path / "imagenette" / "one"
    folder.mkdir(parents=True)
    values = json.loads(source.read_text())
    (folder / "run.json").write_text(json.dumps(values | {"model": values["model"] | {"weights": "=HYPERLINK(1)"}}))
    rows = list(csv.DictReader(io.StringIO(reports("table", "--results", tmp_path, "--format", "csv").stdout)))
    assert rows[0]["weights"] == "'=HYPERLINK(1)"
    assert float(rows[0]["accuracy"]) == values["result"]["accuracy"]


def test_markdown_and_latex_tables(reports, results: Path) -> None:
    markdown = reports("table", "--results", results, "--format", "md").stdout.splitlines()
    assert markdown[0].startswith("| Dataset | Model | Weights | Seeds | Accuracy (%) |")
    assert len({line.count("|") for line in markdown if line.startswith("|")}) == 1
    assert any("Fine-tuned VGG *" in line and "Tiny-ImageNet" in line for line in markdown)
    latex = reports("table", "--dataset", "imagenette", "--results", results, "--format", "latex").stdout
    assert "\\begin{tabular}" in latex and "Accuracy (\\%)" in latex and "vgg16\\_bn" in latex


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["build", "--results", "nowhere"], "nowhere: no such folder"),
        (["build", "--dataset", "cats"], "no runs of 'cats'"),
        (["table", "--format", "xml"], "'xml' is not one of"),
        (["table", "--dataset", "../x"], "no runs of '../x'"),
        (["build", "--frobnicate"], "No such option"),
    ],
)
def test_mistakes_are_one_line_and_code_two(reports, results: Path, args: list[str], message: str) -> None:
    done = reports(*args, *([] if "--results" in args else ["--results", str(results)]))
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr


def test_a_place_that_cannot_be_written_is_one_line(reports, results: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = reports("build", "--dataset", "imagenette", "--results", results, "--out", tmp_path / "file" / "report.html")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1 and "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["build", "table", "list"])
def test_ctrl_c_is_one_line_and_code_130(command: str, tmp_path: Path) -> None:
    record = tmp_path / "ds" / "run" / "run.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    start = (
        "import os, runpy, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def interrupt(event, args):\n"
        "    if event == 'open' and str(args[0]).endswith('run.json'):\n"  # in the middle of the command's work
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.addaudithook(interrupt); runpy.run_module('reports', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", start, command, "--results", str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 130
    assert done.stderr == "reports: interrupted; what was built before is unchanged\n"
