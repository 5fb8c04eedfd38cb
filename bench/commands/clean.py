"""`bench clean`: what takes disk space, and how to free it."""

import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bench.commands.options import Results, make_console
from bench.commands.show import find_run
from bench.errors import VggbenchError, print_text
from bench.neighbours import replaced_runs
from bench.records import CHECKPOINT_FILE, RUN_FILE, unfinished_runs
from collect.datasets import counted, duration, is_locked, lock_folder, make_table, size_text

DAY_SECONDS = 24 * 3600.0
CACHES = {
    "packs": "decoded photos",
    "features": "features of frozen backbones",
    "checked": "which files were hashed",
    "rates.json": "measured speed of this machine",
}


@dataclass(frozen=True, slots=True)
class Freeable:
    """A file or folder that can be removed, in words. It is in use if another command holds the lock of a folder."""

    path: Path
    kind: str
    name: str
    locks: tuple[Path, ...]

    def is_in_use(self) -> bool:
        """Whether another command works with it."""
        return any(map(is_locked, self.locks))

    def size_and_age(self) -> tuple[int, float]:
        """Its bytes, and the seconds since the last change."""
        files = [p for p in self.path.rglob("*") if p.is_file()] if self.path.is_dir() else [self.path]
        infos = [file.stat() for file in files]
        changed = max((info.st_mtime for info in infos), default=time.time())
        return sum(info.st_size for info in infos), max(0.0, time.time() - changed)

    def remove(self) -> None:
        """Remove it under its locks. Raises VggbenchError if it is in use by now."""
        with ExitStack() as stack:
            for folder in self.locks:
                stack.enter_context(lock_folder(folder, print_text))
            if self.path.is_dir():
                shutil.rmtree(self.path)
            else:
                self.path.unlink(missing_ok=True)


def clean_command(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN...]", help="runs to remove with their files")
    ] = None,
    caches: Annotated[bool, typer.Option("--caches", help="what is made again when needed")] = False,
    checkpoints: Annotated[bool, typer.Option("--checkpoints", help="interrupted runs; they begin again")] = False,
    replaced: Annotated[bool, typer.Option("--runs", help="runs replaced by later ones")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="free the space; else it is only shown")] = False,
    results: Results = Path("results"),
) -> None:
    """Show what takes disk space, and free it with --yes.

    Without a RUN and a flag, these are caches, checkpoints, and runs that no report uses because later ones replaced
    them. A run that a report uses is removed only if you name it. What another command uses now is never removed.

    \b
    Examples:
      bench clean                    show all that can be freed
      bench clean --caches --yes     free the caches
      bench clean frozen-vgg-06c19378-s1 --yes
    """
    has_choice = bool(runs) or caches or checkpoints or replaced
    found = [Freeable(folder, "run", _name(folder), (folder,)) for folder in (find_run(r, results) for r in runs or [])]
    found += _caches(results) if caches or not has_choice else []
    found += _checkpoints(results) if checkpoints or not has_choice else []
    if replaced or not has_choice:
        found += [Freeable(folder, "replaced run", _name(folder), (folder,)) for folder in replaced_runs(results)]
    free = [item for item in found if not item.is_in_use()]
    total = _print_table(found, free)
    if not free:
        print_text("nothing to free")
    elif not yes:
        print_text(f"{size_text(total)} can be freed: the same command with --yes frees it")
    else:
        print_text(f"{size_text(_remove(free))} freed")


def _print_table(found: Sequence[Freeable], free: Sequence[Freeable]) -> int:
    """Show what was found; returns the bytes of what is free."""
    table, total = make_table("what", "name", "size", "last change", left=("what", "name"), padding=1), 0
    for item in found:
        size, age = item.size_and_age()
        total += size if item in free else 0
        table.add_row(item.kind, item.name, size_text(size), _age(age) if item in free else "in use")
    if found:
        make_console().print(table)
    return total


def _remove(items: Sequence[Freeable]) -> int:
    """Remove these and return how many bytes that frees. What came into use meanwhile stays."""
    freed = 0
    for item in items:
        size, _ = item.size_and_age()
        try:
            item.remove()
            freed += size
        except VggbenchError as err:
            print_text(f"kept: {err}")
    return freed


def _caches(results: Path) -> list[Freeable]:
    """The parts of the user's cache. Any run that is at work may use them."""
    from bench.cache import cache_folder  # late: it imports numpy

    home = cache_folder()
    at_work = tuple(run.folder for run in unfinished_runs(results) if run.is_running)
    paths = sorted(path for path in home.iterdir() if not path.name.startswith(".")) if home.is_dir() else []
    return [Freeable(path, "cache", CACHES.get(path.name, "drawn weights"), (home, *at_work)) for path in paths]


def _checkpoints(results: Path) -> list[Freeable]:
    """What interrupted runs left: the whole folder of a run that has no record, else its checkpoint."""
    left = {path.parent for path in results.glob(f"*/*/{CHECKPOINT_FILE}")}
    left |= {run.folder for run in unfinished_runs(results) if run.folder.parent.parent == results}
    found = []
    for folder in sorted(left):
        path = folder / CHECKPOINT_FILE if (folder / RUN_FILE).is_file() else folder
        found.append(Freeable(path, "checkpoint", _name(folder), (folder,)))
    return [item for item in found if item.path.exists()]


def _name(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


def _age(seconds: float) -> str:
    return counted(round(seconds / DAY_SECONDS), "day") if seconds >= 2 * DAY_SECONDS else duration(seconds)
