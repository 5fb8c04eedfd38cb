"""Two processes on one dataset or one results folder: both end well, and nothing is wrong afterwards."""

from functools import partial

from benchmarks.soaking.baseline import copy
from benchmarks.soaking.commands import CODES, Running, problem
from benchmarks.soaking.commands import good as run_well
from benchmarks.soaking.items import Item, attempt, require
from benchmarks.soaking.kills import VICTIMS, undisturbed
from benchmarks.soaking.trials import Place

PAIRS: dict[str, tuple[str, str]] = {  # the first decides where both start; its state counts afterwards
    "collect twice": ("collect", "collect"),
    "split again twice": ("collect, split again", "collect, split again"),
    "bench run twice": ("bench run", "bench run"),
    "bench run while it is verified": ("bench run", "collect --verify"),
    "report twice": ("reports build", "reports build"),
    "bench run and report": ("bench run", "reports build"),
    "verify while it is split again": ("collect, split again", "collect --verify"),
}
MAY_FAIL = CODES["collect"] - {130}  # a command may refuse while another one works there


def two_at_once(place: Place) -> list[Item]:
    """One pair, the second a random moment after the first."""
    kind = list(PAIRS)[place.number % len(PAIRS)]
    return [attempt(kind, partial(_race, place, kind))]


def _race(place: Place, kind: str) -> None:
    first, second = (VICTIMS[name] for name in PAIRS[kind])
    seconds, expected = undisturbed(place.baseline, PAIRS[kind][0])
    work = copy(first.start(place.baseline), place.folder / "work")
    one = Running(work, *first.words)
    delay = place.random.uniform(0, seconds / 2)
    early = one.wait(delay)
    other = Running(work, *second.words)
    try:
        for name, ended in ((PAIRS[kind][0], early or one.wait()), (PAIRS[kind][1], other.wait())):
            wrong = problem(ended, MAY_FAIL)
            require(not wrong, f"{name}, {delay:.2f} s apart: {wrong}")
    finally:
        one.end()
        other.end()
    run_well(work, *first.words)
    require(first.state(work) == expected, f"{delay:.2f} s apart: another result afterwards")
