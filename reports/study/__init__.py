"""reports.study."""

from reports.study.compare import BUDGET, Comparison, Pair, compare
from reports.study.contenders import Contender, names_of
from reports.study.history import changes
from reports.study.learning import crossings, curves, elapsed, reached, rising, within
from reports.study.load import Answers, Group, chosen, datasets, load, recipe_of
from reports.study.times import parts_seconds, total_seconds

__all__ = [
    "BUDGET",
    "Answers",
    "Comparison",
    "Contender",
    "Group",
    "Pair",
    "changes",
    "chosen",
    "compare",
    "crossings",
    "curves",
    "datasets",
    "elapsed",
    "load",
    "names_of",
    "parts_seconds",
    "reached",
    "recipe_of",
    "rising",
    "total_seconds",
    "within",
]
