"""Records on disk: written, read and checked, and listed. Standard library only."""

import json
import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.errors import RecordError, VggbenchError
from bench.records.check import check_run
from bench.records.run import SCHEMA, Run
from bench.records.schema import build, load_json
from collect.datasets import vggbench_version
from collect.manifest import atomic_write, file_sha256

RUN_FILE, WEIGHTS_FILE, PREDICTIONS_FILE, PICTURES = "run.json", "weights.safetensors", "predictions.csv", "pictures"
PICTURES_FILE = f"{PICTURES}/pictures.json"


def read_run(path: Path | str) -> Run:
    """The run of a run.json, or of the folder that holds one.

    Raises RecordError that names file and key, also for values that are impossible or contradict each other.
    """
    path = Path(path)
    path = path / RUN_FILE if path.is_dir() else path
    values = load_json(path)
    schema = values.get("schema") if isinstance(values, dict) else None
    try:
        if schema != SCHEMA:
            raise RecordError(f"{path}: schema is {schema!r:.60}, this version reads {SCHEMA!r}")
        run = build(Run, values, str(path))
        check_run(run, str(path))
    except RecordError as err:
        raise RecordError(f"{err}{_version_advice(values)}") from err
    return run


def _version_advice(values: Any) -> str:
    """What to do about a record that this version cannot read, if another version wrote it."""
    code = values.get("code") if isinstance(values, dict) else None
    writer = code.get("version") if isinstance(code, dict) else None
    if not isinstance(writer, str) or writer == vggbench_version():
        return ""
    return f"; vggbench {writer:.20} wrote it, and this is {vggbench_version()}: use the newer of the two"


def write_run(folder: Path, run: Run) -> None:
    """Write `folder`/run.json atomically, `schema` first. The home directory is written as ~: results are passed on."""
    values = _without_home(asdict(run))
    with atomic_write(folder / RUN_FILE) as out:
        json.dump({"schema": values.pop("schema"), **values}, out, indent=1, ensure_ascii=False, allow_nan=False)
        out.write("\n")


def hide_home(text: str) -> str:
    """A text with ~ for the home directory."""
    home = os.path.expanduser("~")  # noqa: PTH111  Path.home() fails for a user without a home
    return re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text) if len(home) > 1 else text


def _without_home(value: Any) -> Any:
    if isinstance(value, str):
        return hide_home(value)
    if isinstance(value, dict):
        return {key: _without_home(item) for key, item in value.items()}
    return [_without_home(item) for item in value] if isinstance(value, list) else value


def run_folders(results: Path, dataset: str | None = None) -> list[Path]:
    """Folders below `results` that hold a run.json, of one dataset or of all, sorted."""
    base = results / dataset if dataset else results
    return sorted(p.parent for p in base.glob(f"*/{RUN_FILE}" if dataset else f"*/*/{RUN_FILE}"))


def read_runs(results: Path, dataset: str | None = None) -> tuple[dict[Path, Run], list[RecordError]]:
    """All readable runs by folder, oldest first, and an error for each unreadable one."""
    runs: dict[Path, Run] = {}
    errors = []
    for folder in run_folders(results, dataset):
        try:
            runs[folder] = read_run(folder)
        except RecordError as err:
            errors.append(err)
    return dict(sorted(runs.items(), key=lambda item: (item[1].created, item[1].run))), errors


def file_hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of the files beside a run's record, as the record lists them."""
    names = (PREDICTIONS_FILE, WEIGHTS_FILE, PICTURES_FILE)
    return {name: file_sha256(folder / name) for name in names}


def is_stored(folder: Path, run: Run, name: str) -> bool:
    """Whether a run has a file beside its record, or should have it."""
    return (folder / name).exists() or name in (run.files or {})


def check_file(folder: Path, run: Run, name: str, error: type[VggbenchError] = RecordError) -> Path:
    """The path of a file beside a run's record. Raises `error` if it is not the file that the run wrote there.

    Records of earlier versions do not say which file that was; then any file passes.
    """
    path, expected = folder / name, (run.files or {}).get(name)
    advice = "repeat the run with bench run ... --fresh"
    if not path.is_file():
        raise error(f"{path}: {'is not a file' if path.exists() else 'missing'}; {advice}")
    if expected is not None and file_sha256(path) != expected:
        raise error(f"{path}: changed since the run wrote it (its SHA-256 is not the one in {RUN_FILE}); {advice}")
    return path
