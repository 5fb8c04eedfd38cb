"""The version of vggbench, and the commit if it runs from a checkout."""

import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.records import CodeInfo


def _git(*arguments: str) -> str | None:
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        output = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return output.stdout.strip()


@cache
def code_info() -> CodeInfo:
    """Version of the package, commit, and whether the checkout has changes; no commit outside a checkout."""
    try:
        number = version("vggbench")
    except PackageNotFoundError:
        number = "checkout"
    commit, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    return CodeInfo(number, commit, None if changed is None else bool(changed))
