"""An hour of trouble: hostile input, kills, full disks, races, damaged caches. Everything must be held.

Run `python -m benchmarks.soak` in the root of the repository. An item is lost if a command ends in a traceback or with
an undocumented exit code, does not end, or leaves wrong data or loses some. `--seconds 60` tries what fits in a minute.
Each lost item is printed with the command that repeats its trial.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from benchmarks.side_by_side import conditions, show
from benchmarks.soaking import kills, shapes
from benchmarks.soaking.archives import hostile_archive
from benchmarks.soaking.baseline import Baseline
from benchmarks.soaking.caches import damaged_cache
from benchmarks.soaking.changes import changed_dataset, clock_set_back
from benchmarks.soaking.disks import full_disk, read_only
from benchmarks.soaking.files import hostile_file
from benchmarks.soaking.images import hostile_images
from benchmarks.soaking.items import Item
from benchmarks.soaking.kills import kill_at_random
from benchmarks.soaking.races import two_at_once
from benchmarks.soaking.responses import hostile_responses
from benchmarks.soaking.shapes import odd_shape
from benchmarks.soaking.trials import Part, Place

LANES = (  # run side by side: the first mostly waits
    {"responses": Part(hostile_responses, 14)},
    {"kills": Part(kill_at_random, kills.TRIALS)},
    {
        "images": Part(hostile_images, 20),
        "archives": Part(hostile_archive, 200),
        "shapes": Part(odd_shape, shapes.TRIALS),
        "files": Part(hostile_file, 258),
        "races": Part(two_at_once, 28),
        "disks": Part(full_disk, 40),
        "read-only": Part(read_only, 9),
        "caches": Part(damaged_cache, 35),
        "changes": Part(changed_dataset, 18),
        "clock": Part(clock_set_back, 9),
    },
)
PARTS = {name: part for lane in LANES for name, part in lane.items()}


@dataclass(frozen=True, slots=True)
class Tried:
    """One item with the trial that it belongs to."""

    part: str
    number: int
    item: Item


def main() -> None:
    """Try everything, or what fits; end with 1 if anything is lost."""
    job = _arguments().parse_args()
    before, start = conditions(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soak = Soak(Path(folder), job.seed, start + job.seconds if job.seconds else float("inf"))
        if job.only:
            part, _, number = job.only.partition("/")
            tried = soak.repeat(part, int(number)) if number else list(soak.lane({part: PARTS[part]}))
        else:
            with ThreadPoolExecutor(len(LANES)) as pool:
                tried = [one for lane in pool.map(lambda parts: list(soak.lane(parts)), LANES) for one in lane]
    table = _table(tried)
    _show(tried, table, job.seed)
    record = {"conditions": before, "seed": job.seed, "seconds": time.monotonic() - start, "table": table}
    lost = [asdict(one) for one in tried if one.item.lost]
    if job.out:
        job.out.write_text(json.dumps({**record, "lost": lost}, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if job.markdown:
        job.markdown.write_text(_markdown(table), "utf-8")
    sys.exit(1 if lost else 0)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="of everything that is random [default: 1]")
    parser.add_argument("--seconds", type=float, help="start no trial after this time [default: try everything]")
    parser.add_argument("--only", metavar="PART[/TRIAL]", help=f"one part, or one trial: {', '.join(PARTS)}")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="write the table and what was lost")
    parser.add_argument("--markdown", type=Path, metavar="FILE.md", help="write the table")
    return parser


class Soak:
    """The trials of one seed, in folders below `folder`. None starts after the time `until`."""

    def __init__(self, folder: Path, seed: int, until: float) -> None:
        self._folder, self._seed, self._until = folder, seed, until
        self._baseline = Baseline(folder / "baseline")

    def lane(self, parts: Mapping[str, Part]) -> Iterator[Tried]:
        """The trials of these parts, one after the other; each part gets the same share of a limited time."""
        spent, done = dict.fromkeys(parts, 0.0), Counter[str]()
        while time.monotonic() < self._until:
            waiting = [name for name, part in parts.items() if done[name] < part.trials]
            if not waiting:
                return
            name = min(waiting, key=spent.__getitem__)
            start = time.monotonic()
            yield from self.repeat(name, done[name])
            spent[name] += time.monotonic() - start
            done[name] += 1

    def repeat(self, part: str, number: int) -> list[Tried]:
        """One trial: the same for the same seed, part and number."""
        folder = self._folder / part / str(number)
        folder.mkdir(parents=True)
        random = Random(f"{self._seed}/{part}/{number}")
        tried = [Tried(part, number, item) for item in PARTS[part].trial(Place(folder, random, number, self._baseline))]
        shutil.rmtree(folder)
        for one in tried:
            if one.item.lost:
                print(f"LOST {part}/{number} {one.item.kind}: {one.item.lost}", flush=True)
        return tried


def _table(tried: list[Tried]) -> list[dict[str, object]]:
    """A row per part and kind: tried, held, lost, skipped with its reason."""
    rows: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    reasons: dict[tuple[str, str], str] = {}
    for one in tried:
        outcome = "lost" if one.item.lost else "skipped" if one.item.skipped else "held"
        rows[one.part, one.item.kind][outcome] += 1
        reasons.setdefault((one.part, one.item.kind), one.item.skipped)
    return [
        {"part": part, "kind": kind, "tried": counts["held"] + counts["lost"], "held": counts["held"],
         "lost": counts["lost"], "skipped": counts["skipped"], "reason": reasons[part, kind]}
        for (part, kind), counts in rows.items()
    ]  # fmt: skip


def _totals(table: list[dict[str, object]]) -> list[tuple[str, int, int, int, int, int]]:
    """Part, kinds, tried, held, lost and skipped of each part and of all."""
    totals = []
    for part in (*dict.fromkeys(str(row["part"]) for row in table), "all"):
        rows = [row for row in table if part in (row["part"], "all")]
        sums = [sum(int(str(row[key])) for row in rows) for key in ("tried", "held", "lost", "skipped")]
        totals.append((part, len(rows), *sums))
    return totals  # type: ignore[return-value]


def _show(tried: list[Tried], table: list[dict[str, object]], seed: int) -> None:
    show("Soak", ["", "kinds", "tried", "held", "lost", "skipped"], [[f"{v}" for v in row] for row in _totals(table)])
    for reason in sorted({one.item.skipped for one in tried} - {""}):
        print(f"skipped: {reason}")
    for part, number in sorted({(one.part, one.number) for one in tried if one.item.lost}):
        print(f"repeat: python -m benchmarks.soak --seed {seed} --only {part}/{number}")


def _markdown(table: list[dict[str, object]]) -> str:
    lines = ["| part | kinds | tried | held | lost |", "|---|---|---|---|---|"]
    lines += [
        f"| {part} | {kinds} | {tried:,} | {held:,} | {lost:,} |"
        for part, kinds, tried, held, lost, _ in _totals(table)
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
