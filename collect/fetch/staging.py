"""Verified photos on their way into the dataset, named by their content; a file here is always whole."""

import threading
from collections.abc import Iterable
from pathlib import Path

STAGED = ".staged"


def staged_path(folder: Path, sha256: str) -> Path:
    """Where the photo with this digest waits."""
    return folder / STAGED / sha256[:2] / f"{sha256}.jpg"


def stage(folder: Path, sha256: str, jpeg: bytes) -> None:
    """Put a photo there, in one visible step."""
    target = staged_path(folder, sha256)
    # two threads may stage copies of one photo at the same time
    part = target.with_name(f".{sha256}.{threading.get_ident()}.part")
    try:
        part.write_bytes(jpeg)
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(jpeg)
    part.replace(target)


def is_staged(folder: Path, sha256: str | None, size: int | None) -> bool:
    """Whether the photo waits there with its full size."""
    if sha256 is None:
        return False
    try:
        return staged_path(folder, sha256).stat().st_size == size
    except FileNotFoundError:
        return False


def clear_staged(folder: Path, keep: Iterable[str]) -> None:
    """Remove all photos but those with the digests in `keep`, and what a kill left half-written."""
    wanted = set(keep)
    for path in (folder / STAGED).glob("*/*"):
        if path.stem not in wanted or path.name.startswith("."):
            path.unlink(missing_ok=True)
    for path in sorted((folder / STAGED).glob("*")):
        if not any(path.iterdir()):
            path.rmdir()
    if (folder / STAGED).is_dir() and not any((folder / STAGED).iterdir()):
        (folder / STAGED).rmdir()
