"""Runs that have begun and have not ended: each leaves its command in its folder, so that it can be continued."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.errors import VggbenchError
from bench.records.store import hide_home
from collect.datasets import is_locked

COMMAND_FILE, CHECKPOINT_FILE = ".command", ".checkpoint.pt"
RUNS, STUDIES = f"*/*/{COMMAND_FILE}", f"*/*/*/{COMMAND_FILE}"  # below the folder of results; tuning is one deeper


@dataclass(frozen=True, slots=True)
class UnfinishedRun:
    """A run or a tuning study without its end: its folder, the command that began it, and whether it is at work."""

    folder: Path
    dataset: str
    command: str
    started: str
    is_running: bool


@contextmanager
def command_kept(folder: Path, command: str) -> Iterator[None]:
    """Keep the command in a folder while the block runs. It stays there after an interruption, not after an error."""
    path = folder / COMMAND_FILE
    path.write_text(hide_home(command), encoding="utf-8", errors="surrogateescape")
    try:
        yield
    except VggbenchError:
        path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)


def unfinished_runs(results: Path) -> list[UnfinishedRun]:
    """All unfinished runs below a folder of results, the oldest first."""
    found = []
    for path in [*results.glob(RUNS), *results.glob(STUDIES)]:
        with suppress(FileNotFoundError):  # it has just ended
            started = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
            command = path.read_text(encoding="utf-8", errors="replace")
            dataset = path.relative_to(results).parts[0]
            found.append(UnfinishedRun(path.parent, dataset, command, started, is_locked(path.parent)))
    return sorted(found, key=lambda run: (run.started, run.folder))
