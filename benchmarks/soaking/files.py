"""Hostile files of ours: each is damaged, then the commands that read it run."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.soaking.baseline import COLLECT, TEST, TRAIN, copy
from benchmarks.soaking.commands import CODES, Ended, good
from benchmarks.soaking.damage import DAMAGES, Damage
from benchmarks.soaking.file_kinds import JSON_DAMAGES, OTHERS, TEXT_DAMAGES
from benchmarks.soaking.items import Item, LostError, attempt, require
from benchmarks.soaking.trials import Place

VERIFY = ("collect", "--verify", "ds")
GROW = ("collect", "--from", "photos", "--name", "ds", "--train", str(TRAIN + 1), "--test", str(TEST), "--quiet")
BUILD = ("reports", "build")
TABLE = ("reports", "table", "--format", "json")
PREDICT = ("bench", "predict", "baseline-cnn", "data/ds/test/car/car_0000.jpg", "--json")
DRY_RUN = ("bench", "run", "baseline-cnn", "--dataset", "ds", "--size", "32", "--epochs", "1", "--dry-run")
LIST = 'url,class,title\nhttp://127.0.0.1:9/a.jpg,car,"a, b"\nhttp://127.0.0.1:9/b.jpg,boat,c\n'
SETTINGS = '[mine]\nsource = "folder"\nurl = "photos"\nclasses = ["car", {name = "boat"}]\ntrain = 4\ntest = 2\n'
VALUES_THAT_MATTER = ("file", "class", "split", "sha256")
Judge = Callable[[Path, Path, Ended], None]  # intact folder, damaged folder, how the last command ended


@dataclass(frozen=True, slots=True)
class Target:
    """A file of ours, the commands that read it, and what a clean end (code 0) must mean."""

    pattern: str
    commands: tuple[tuple[str, ...], ...]
    damages: dict[str, Damage]
    judge: Judge | None = None
    is_trained: bool = False  # needs the finished runs


def _manifest_is_intact(intact: Path, damaged: Path, ended: Ended) -> None:
    """`--verify` may pass only if the rows still say the same."""
    try:
        rows = [[_values(line) for line in (home / "data/ds/manifest.jsonl").read_text("utf-8").splitlines() if line]
                for home in (intact, damaged)]  # fmt: skip
    except (ValueError, OSError) as err:
        raise LostError(f"passes, but the manifest cannot be read: {err}") from err
    require(sorted(rows[0]) == sorted(rows[1]), "passes with other rows")


def _values(line: str) -> list[str]:
    row = json.loads(line)
    return [str(row.get(key)) for key in VALUES_THAT_MATTER]


def _same_or_named(words: tuple[str, ...], intact: Path, damaged: Path, ended: Ended) -> None:
    """The output is that of intact files, or something is said about them."""
    before = good(intact, *words).out
    require(ended.out == before or ended.err.strip(), "another result without a word")


TARGETS: dict[str, Target] = {
    "manifest.jsonl": Target("data/ds/manifest.jsonl", (COLLECT, VERIFY), JSON_DAMAGES, _manifest_is_intact),
    "rejected.jsonl": Target("data/ds/rejected.jsonl", (VERIFY, GROW), JSON_DAMAGES),
    "dataset.toml": Target("data/ds/dataset.toml", (VERIFY, COLLECT), TEXT_DAMAGES),
    "journal": Target("data/ds/.journal.sqlite", (GROW, VERIFY), DAMAGES),
    "datasets.toml": Target("datasets.toml", (("collect", "--list"), ("collect", "--dataset", "mine")), TEXT_DAMAGES),
    "list of addresses": Target("list.csv", (("collect", "--from", "list.csv", "--name", "a"),), TEXT_DAMAGES),
    "run.json": Target("results/ds/baseline-*/run.json", (("bench", "list"), TABLE), JSON_DAMAGES, None, True),
    "predictions.csv": Target(
        "results/ds/baseline-*/predictions.csv", (TABLE,), TEXT_DAMAGES, partial(_same_or_named, TABLE), True
    ),
    "pictures.json": Target("results/ds/base*/pictures/pictures.json", (BUILD,), JSON_DAMAGES, None, True),
    "dataset.json": Target("results/ds/manifest-*/dataset.json", (TABLE, BUILD), JSON_DAMAGES, None, True),
    "weights of a run": Target(
        "results/ds/base*/weights.safetensors", (PREDICT,), DAMAGES, partial(_same_or_named, PREDICT), True
    ),
    "rates.json": Target("cache/vggbench/rates.json", (DRY_RUN,), JSON_DAMAGES, None, True),
}  # fmt: skip
KINDS = [
    (target, kind)
    for target, one in TARGETS.items()
    for kind in (*one.damages, *OTHERS)
]  # fmt: skip


def hostile_file(place: Place) -> list[Item]:
    """One damaged file. The kinds are spread, so that neighbouring trials damage different files."""
    target, kind = KINDS[place.number * 37 % len(KINDS)]
    return [attempt(f"{target}: {kind}", partial(_try, place, target, kind))]


def _try(place: Place, name: str, kind: str) -> None:
    target = TARGETS[name]
    intact = place.baseline.trained if target.is_trained else place.baseline.collected
    work = copy(intact, place.folder)
    (work / "list.csv").write_text(LIST, "utf-8")
    (work / "datasets.toml").write_text(SETTINGS, "utf-8")
    path = next(work.glob(target.pattern))
    if kind in OTHERS:
        OTHERS[kind](path)
    else:
        path.write_bytes(target.damages[kind](place.random, path.read_bytes()))
    ended = [good(work, *words, codes=frozenset(CODES[words[0]] - {130})) for words in target.commands]
    if target.judge and ended[-1].code == 0 and kind not in OTHERS:
        target.judge(intact, work, ended[-1])
    if name == "rates.json":
        require(ended[-1].code == 0, "a damaged cache stops the command")
