"""Lines on a terminal break between words; what a program reads never breaks."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.forked import ROOT
from tests.servers.photos import jpeg

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")


def on_a_terminal(folder: Path, *arguments: str, columns: int) -> list[str]:
    """The lines that `collect ARGUMENTS` prints on a terminal of this width."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": str(columns)}
    command = [sys.executable, "-m", "collect", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    assert done.returncode in (0, 2)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # how Linux says that the other side is closed
        pass
    os.close(ours)
    return shown.decode().splitlines()


@pytest.fixture
def photos(class_folders: Callable[..., Path]) -> Path:
    """A folder of two classes, too small for a good dataset: collect warns in a long line."""
    return class_folders("photos", {"cat": [jpeg(i) for i in range(6)], "dog": [jpeg(20 + i) for i in range(6)]})


def test_long_lines_break_between_words_and_keep_their_indent(photos: Path) -> None:
    lines = on_a_terminal(photos.parent, "--from", "photos", "--name", "x", "--quiet", columns=60)
    assert max(map(len, lines)) <= 60
    [first] = [i for i, line in enumerate(lines) if line.startswith("  warning: few photos")]
    assert lines[first + 1].startswith("  ") and not lines[first + 1].startswith("   ")
    joined = " ".join(line.strip() for line in lines)
    assert "collect at least 50 train and 20 test photos per class" in joined


def test_json_and_long_words_do_not_break(photos: Path) -> None:
    [line] = on_a_terminal(photos.parent, "--from", "photos", "--name", "x", "--json", columns=60)
    assert json.loads(line)["name"] == "x"
    lines = on_a_terminal(photos.parent, "--from", "photos", "--name", "x" * 90, "--split", "none", columns=60)
    assert "".join(lines).startswith("collect: --split must be owner or image, not 'none'")
    assert max(map(len, on_a_terminal(photos.parent, "--verify", "y" * 90, columns=60))) > 60
