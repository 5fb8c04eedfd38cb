"""Hostile images: collect keeps a right picture or rejects it, bench reads it or names it, both within 2 s of CPU."""

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

from benchmarks.soaking.commands import ROOT, good
from benchmarks.soaking.image_kinds import KINDS, distance, made
from benchmarks.soaking.items import Item, LostError, require
from benchmarks.soaking.trials import Place
from collect.candidate import RejectReason
from tests.servers.photos import jpeg

EACH = 25  # images per trial
CPU_SECONDS, LIMIT_SECONDS = 2.0, 60.0
MOST_DISTANCE = 12.0


def hostile_images(place: Place) -> list[Item]:
    """Some images: each is decoded in a process that only does that, and all of them are collected from a folder."""
    home = place.folder / "images" / "car"
    home.mkdir(parents=True)
    kinds, right = {}, {}
    for i in range(EACH):
        kind = KINDS[(place.number * EACH + i) % len(KINDS)]
        data, shows = made(kind, place.random)
        (home / f"{i:02}.jpg").write_bytes(data)
        kinds[f"{i:02}.jpg"] = kind
        if shows:
            right[f"{i:02}.jpg"] = shows
    problems = _decode(home, sorted(kinds))
    for name, problem in _collect(place.folder, home, right).items():
        problems.setdefault(name, problem)
    return [Item(kind, lost=problems.get(name, "")) for name, kind in kinds.items()]


def _decode(home: Path, names: list[str]) -> dict[str, str]:
    """What went wrong, by file. A file that ends or blocks the process is skipped by the next one."""
    problems: dict[str, str] = {}
    left = list(names)
    while left:
        command = [sys.executable, "-m", "benchmarks.soaking.decoding", *(str(home / name) for name in left)]
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=LIMIT_SECONDS + 5 * len(left))
            out, reason = done.stdout, f"the process ended with code {done.returncode}: {done.stderr[-200:]!r}"
        except subprocess.TimeoutExpired as err:
            out, reason = err.stdout or b"", "no end"
        reports = [json.loads(line) for line in out.splitlines() if line.endswith(b"}")]
        for report in (r for r in reports if "problem" in r):
            slow = f"{report['seconds']:.1f} s of CPU" if report["seconds"] > CPU_SECONDS else ""
            if problem := report["problem"] or slow:
                problems[report["file"]] = f"{report['way']}: {problem}"
        if not reports:
            raise LostError(f"decoding did not start: {reason}")
        last = reports[-1]
        if "problem" not in last:
            problems[last["file"]] = f"{last['way']}: {reason}"
        left = left[left.index(last["file"]) + 1 :]
    return problems


def _collect(folder: Path, home: Path, right: dict[str, Image.Image]) -> dict[str, str]:
    """What went wrong when all of them were collected, by file; under every name if the command itself is wrong."""
    (home.parent / "boat").mkdir()
    for position, name in enumerate(("boat", "car")):  # so that there is a dataset whatever happens to the others
        for i in range(4):
            (home.parent / name / f"good{i}.jpg").write_bytes(jpeg(10**7 + 10 * position + i))
    try:
        good(folder, "collect", "--from", "images", "--name", "a", "--quiet")
        good(folder, "collect", "--verify", "a")
        return _compare(folder / "data" / "a", home, right)
    except LostError as err:
        return {path.name: str(err) for path in home.iterdir()}


def _compare(dataset: Path, home: Path, right: dict[str, Image.Image]) -> dict[str, str]:
    rows, rejects = ([json.loads(line) for line in (dataset / name).read_text("utf-8").splitlines()]
                     for name in ("manifest.jsonl", "rejected.jsonl"))  # fmt: skip
    kept = {Path(row["source_id"]).name: row for row in rows if row["class"] == "car"}
    reasons = {Path(row["source_id"]).name: row["reason"] for row in rejects if row["class"] == "car"}
    problems = {}
    for path in home.iterdir():
        if path.name not in kept and reasons.get(path.name) not in list(RejectReason):
            problems[path.name] = f"collect: neither kept nor rejected: {reasons.get(path.name)}"
        elif path.name in kept and path.name in right:
            difference = distance(str(dataset / kept[path.name]["file"]), right[path.name])
            if difference > MOST_DISTANCE:
                problems[path.name] = f"collect: kept as another picture ({difference:.0f} of 255 away)"
    require(len([r for r in rows if "good" in r["source_id"]]) == 8, "a good photo beside them is missing")
    return problems
