"""Promises of the whole project: import direction, late imports, documented commands, files that load."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer

from collect.datasets import BENCH_FLAGS, BENCH_MODELS, load_datasets, shipped_file
from tests.forked import ROOT

PACKAGES = ("collect", "bench", "reports")
COLLECT_FORMATS = tuple(
    f"collect/{name}.py"
    for name in ("manifest", "datasets", "schema", "files", "lock", "errors", "redact", "command_line")
)
BENCH_FORMATS = (
    "bench/records/run.py",
    "bench/records/tuning.py",
    "bench/records/predictions.py",
    "bench/records/pictures.py",
    "bench/records/schema.py",
    "bench/errors.py",
)
HELP_ALONE = {"--workers", "--quiet", "--show-completion"}
"""Options of collect that need no more documentation than --help."""
UNPICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
UNPICKLING = {"weights_only", "allow_pickle"}


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
    for path in _files("bench"):
        others = {n for n in _imports(path) if n.split(".")[0] in ("collect", "reports")}
        allowed = path == ROOT / "bench" / "neighbours.py" or others <= {"collect.manifest", "collect.datasets"}
        assert allowed, (path, others)


@pytest.mark.parametrize("file", COLLECT_FORMATS + BENCH_FORMATS)
def test_formats_need_the_standard_library_alone(file: str) -> None:
    foreign = {n.split(".")[0] for n in _imports(ROOT / file)} - set(sys.stdlib_module_names) - set(PACKAGES)
    assert not foreign


def test_reports_never_import_torch_nor_the_commands_anything_heavy() -> None:
    check = (
        "import sys, collect.cli, bench.cli, reports.cli; "
        "heavy = {'torch', 'pandas', 'matplotlib', 'seaborn', 'skimage', 'scipy', 'numpy', 'PIL'} & set(sys.modules); "
        "assert not heavy, heavy; import reports.page, reports.study; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True)


def test_bench_list_imports_nothing_heavy(tmp_path: Path) -> None:
    check = (
        "import sys, bench.cli\n"
        f"sys.argv = ['bench', 'list', '--results', {str(tmp_path)!r}]\n"
        "try: bench.cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'pandas', 'matplotlib', 'scipy', 'PIL', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True, capture_output=True, text=True)
    assert "no runs" in done.stdout


def test_bench_runs_without_what_only_collect_needs() -> None:
    check = (
        "import sys\n"
        "for name in ('flickrapi', 'imagehash', 'simplejpeg', 'tomlkit', 'torchinfo'): sys.modules[name] = None\n"
        "import bench.runs.worker, bench.api, collect.pipeline, collect.sources.synthetic\n"
        "from bench.cli import main\n"
        "from bench.neighbours import drawable_classes\n"
        "drawable_classes()\n"
        "sys.argv = ['bench', 'models', '--size', '64']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True, capture_output=True, text=True)
    assert all(model in done.stdout for model in ("scratch-vgg", "frozen-vgg", "finetuned-vgg", "baseline-cnn"))


def test_every_shipped_dataset_loads() -> None:
    tables = tomllib.loads(shipped_file().read_text())
    datasets = load_datasets(ROOT)
    assert set(datasets) == set(tables)
    assert {"sample", "car-bicycle", "dogs-vs-cats", "imagenette", "imagenette-160", "imagenette-320"} <= set(datasets)
    assert {"imagewoof", "imagewoof-160", "imagewoof-320"} <= set(datasets)
    for dataset in datasets.values():
        assert dataset.source != "archive" or dataset.sha256 or dataset.md5


def test_bench_tables_may_set_exactly_the_flags_of_bench_run() -> None:
    from bench.cli import COMMANDS, app

    assert [command.name for command in app.registered_commands] == list(COMMANDS)
    run_command = COMMANDS["run"]
    names = set(run_command.__annotations__) - {
        "models",
        "dataset",
        "data",
        "results",
        "fresh",
        "dry_run",
        "quiet",
        "return",
    }
    assert {n.rstrip("_") for n in names} == set(BENCH_FLAGS)


def test_bench_tables_may_hold_a_table_for_each_model() -> None:
    from bench.recipes import MODELS

    assert tuple(MODELS) == BENCH_MODELS


def _asked_by(package: str) -> list[str]:
    """What a user types: the subcommands of a command, or the options of one that has none."""
    command = typer.main.get_command(importlib.import_module(f"{package}.cli").app)
    if subcommands := getattr(command, "commands", None):
        return [f"{package} {name}" for name in subcommands]
    options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
    return sorted(options - HELP_ALONE)


@pytest.mark.parametrize(
    ("package", "known"), [("collect", "--from"), ("bench", "bench run"), ("reports", "reports build")]
)
def test_every_command_is_documented(package: str, known: str) -> None:
    text = (ROOT / "README.md").read_text() + "".join(p.read_text() for p in (ROOT / "docs").glob("*.md"))
    asked = _asked_by(package)
    assert known in asked
    assert [words for words in asked if words not in text] == []


def test_browser_tests_are_skipped_without_a_browser() -> None:
    one = "tests/reports/test_page.py::test_a_dataset_of_nothing_but_broken_records_still_has_a_report"
    command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", one]
    done = subprocess.run(command, cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True)
    assert done.returncode == 0
    assert "1 skipped" in done.stdout and "none of chromium, chromium-browser, google-chrome" in done.stdout


def test_public_functions_say_what_they_are_for() -> None:
    for path in [*_files("collect"), *_files("bench"), *_files("reports")]:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}: {node.name}"


def _calls(path: Path) -> set[str]:
    """What a module calls, as written, with its keyword arguments: `torch.load(weights_only=True)`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            values = ", ".join(f"{k.arg}={ast.unparse(k.value)}" for k in node.keywords if k.arg in UNPICKLING)
            found.add(f"{ast.unparse(node.func)}({values})")
    return found


def test_no_file_is_read_as_python_objects() -> None:
    for path in [file for package in PACKAGES for file in _files(package)]:
        imports = [
            node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        imported = {ast.unparse(node) for node in imports if UNPICKLERS & set(re.findall(r"\w+", ast.unparse(node)))}
        assert imported <= {"from pickle import UnpicklingError"}, path
        calls = _calls(path)
        assert not {c for c in calls if c.startswith("torch.load(")} - {"torch.load(weights_only=True)"}, path
        assert not {c for c in calls if "allow_pickle=True" in c or c.split("(")[0] in ("eval", "exec")}, path


def test_archives_are_read_and_never_extracted() -> None:
    for path in _files("collect"):
        assert not {c for c in _calls(path) if c.split("(")[0].endswith((".extract", ".extractall", "unpack_archive"))}


def test_every_promise_of_security_names_tests_that_exist() -> None:
    rows = [line.split("|") for line in (ROOT / "SECURITY.md").read_text().splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 8
    existing = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        existing |= {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
    for _, promise, names, _ in rows:
        named = set(re.findall(r"`(test_\w+)`", names))
        assert named, promise
        assert named <= existing, (promise, named - existing)
