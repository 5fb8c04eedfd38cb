"""What collect shows while it gathers photos: in the width and height of the terminal, and never more than all."""

import io
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from collect.datasets import ClassSearch, Dataset
from collect.fetch import Host, progress
from collect.pipeline import collect
from collect.sources.synthetic.drawing import draw
from tests.forked import ROOT

REASONS = Counter({"near-duplicate": 3_000, "not-an-image": 12, "too-small": 40, "gone": 1})


def snapshot(good: dict[str, int], needed: dict[str, int | None]) -> progress.Snapshot:
    host = Host(in_flight=3, throttled=2, rng=random.Random(1))
    rejected = {next(iter(good)): REASONS}
    return progress.Snapshot(
        tuple(good), Counter(good), needed, Counter(), rejected, {"live.staticflickr.com": host}, 10**9
    )


def shown(state: progress.Snapshot, width: int, height: int = 24) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height)
    console.print(progress._table(state, 10.0, height))
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("classes", [2, 30])
def test_each_class_and_host_has_one_line_and_all_fit_on_the_screen(width: int, classes: int) -> None:
    names = [f"a_rather_long_class_name_{number}" for number in range(classes)]
    lines = shown(snapshot(dict.fromkeys(names, 5), dict.fromkeys(names, 600)), width)
    assert max(map(len, lines)) <= width and len(lines) <= 24
    assert sum("5 of 600" in line for line in lines) == (2 if classes == 2 else 20)
    assert classes == 2 or "10 more" in lines[21]
    assert "3,000 near-duplicat" in "".join(lines)
    assert "photos/s, 1,000 MB, about " in lines[-2]
    assert lines[-1].startswith("live.staticflickr.com: 3 of 8 requests, slowed down 2 times")


def test_a_count_is_never_above_its_total() -> None:
    car, bicycle, speed, _ = shown(snapshot({"car": 963, "bicycle": 7}, {"car": 600, "bicycle": 600}), 80)[1:]
    assert car.split()[:2] == ["car", "963"] and "of" not in car
    assert bicycle.split()[:4] == ["bicycle", "7", "of", "600"]
    assert "left" in speed


def test_a_source_that_is_read_to_its_end_has_no_total_and_no_remaining_time() -> None:
    car, speed, _ = shown(snapshot({"car": 963}, {}), 80)[1:]
    assert " of " not in car and "left" not in speed


def test_no_snapshot_of_a_search_counts_more_than_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("collect.fetch.gatherer.SNAPSHOT_SECONDS", 0.0)
    monkeypatch.setattr(progress, "_line_printer", lambda started: seen.append)
    classes = (ClassSearch("car"), ClassSearch("bicycle"))
    collect(Dataset("x", "synthetic", classes, train=6, test=2), tmp_path)
    lines = [line for state in seen for line in shown(state, 80)]
    counts = [(int(good), int(total)) for line in lines for good, total in re.findall(r"(\d+) of (\d+) ", line)]
    assert counts and all(good <= total for good, total in counts)


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed: a real terminal cannot be read")
def test_a_real_terminal_of_80_columns_shows_whole_lines(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for name, number in ((name, number) for name in ("car", "bicycle") for number in range(12)):
            archive.writestr(f"{name}/{number}.jpg", draw(name, 7, number))
    tmux = ["tmux", "-S", str(tmp_path / "socket"), "-f", "/dev/null"]  # a server of its own
    command = shlex.join([sys.executable, "-m", "collect", "--from", "pets.zip", "--name", "pets"])
    screens: list[str] = []
    size = ["-x", "80", "-y", "24", "-c", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([*tmux, "new-session", "-d", *size, f"{command}; sleep 60"], check=True, env=environment)
    try:
        for _ in range(600):
            screens.append(subprocess.check_output([*tmux, "capture-pane", "-p"], text=True))
            if "pets: " in screens[-1]:
                break
            time.sleep(0.1)
    finally:
        subprocess.run([*tmux, "kill-server"], check=True)
    live = [screen.splitlines() for screen in screens if "photos/s" in screen]
    assert live and all(sum("photos/s" in line for line in lines) == 1 for lines in live)
    assert all(sum(line.startswith("class ") for line in lines) == 1 and "..." not in lines for lines in live)
    assert "photos/s" not in screens[-1] and re.search(r"^pets: \d+ train and \d+ test images", screens[-1], re.M)
