"""The version of vggbench, and the commit if it runs from a checkout."""

import subprocess
from functools import cache
from pathlib import Path

from bench.records import CodeInfo
from collect.datasets import vggbench_version


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
    """Version of the package, commit and whether the checkout was changed since; no commit outside a checkout."""
    commit, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    return CodeInfo(vggbench_version(), commit, None if changed is None else bool(changed))
