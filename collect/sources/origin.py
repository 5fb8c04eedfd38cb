"""What `--from` names: which source reads a path or an address, by how it ends."""

from pathlib import Path

from collect.errors import UsageError
from collect.sources.download import is_remote
from collect.terminal import printable

ARCHIVES = (".tgz", ".tar.gz", ".tar", ".zip", ".tar.xz", ".tar.bz2", ".tbz2", ".txz", ".tar.zst")
LISTS = (".txt", ".csv", ".tsv")


def source_of(origin: str) -> str:
    """Which source reads a path or URL. Raises UsageError for a path that is not there or cannot be shown."""
    path = origin.partition("?")[0].lower()
    remote = is_remote(origin)
    if printable(origin).replace("\n", "") != origin:
        raise UsageError(f"--from: {origin}: the path has bytes that are not UTF-8, or control signs; rename it")
    if not remote and not Path(origin).exists():
        raise UsageError(f"--from: {origin}: no such file or folder")
    if path.endswith(".jsonl"):
        return "manifest"
    if path.endswith(LISTS):
        return "urls"
    if not remote and not path.endswith(ARCHIVES) and Path(origin).is_dir():
        return "manifest" if (Path(origin) / "manifest.jsonl").is_file() else "folder"
    return "archive"
