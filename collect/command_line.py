"""What the three commands share at the command line. Standard library only."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from importlib.metadata import PackageNotFoundError, version
from typing import Any

HELP_FLAGS = {"help_option_names": ["-h", "--help"]}
MOST_NAMES, MOST_HINTS, CLOSE, CLOSE_WORD = 12, 3, 0.6, 0.75


class FlagsGivenOnce:
    """Mixin for a Typer command: a flag that takes one value is an error if it is given twice."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as Typer does. Raises Typer's usage error."""
        base: Any = super()
        _, _, order = base.make_parser(ctx).parse_args(args=list(args))
        for parameter, times in Counter(order).items():
            if times > 1 and parameter.param_type_name == "option" and not parameter.multiple:
                ctx.fail(f"{parameter.opts[0]} is given {'twice' if times == 2 else f'{times} times'}; give it once")
        parsed: list[str] = base.parse_args(ctx, args)
        return parsed


def print_version(command: str) -> Callable[[bool], None]:
    """A callback of `--version` that prints the installed version and ends the command."""

    def show(is_given: bool) -> None:
        if is_given:
            print(f"{command} (vggbench {vggbench_version()})")
            raise SystemExit(0)

    return show


def vggbench_version() -> str:
    """The installed version, or "checkout" if vggbench is not installed."""
    try:
        return version("vggbench")
    except PackageNotFoundError:
        return "checkout"


def name_hint(wrong: str, known: Iterable[str]) -> str:
    """What a message about an unknown name ends with: the closest names, or all if none is close and they are few."""
    names = sorted(set(known))
    ranked = sorted(((*_closeness(wrong, name), name) for name in names), reverse=True)
    if close := [name for closeness, _, name in ranked[:MOST_HINTS] if closeness >= CLOSE]:
        return f"did you mean {_listed_or(close)}?"
    if not names:
        return "there are none"
    rest = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"choose from {', '.join(names[:MOST_NAMES])}{rest}"


def _closeness(wrong: str, name: str) -> tuple[float, float]:
    """How close a name or one of its words is to a wrong name, from 0 to 1, and how close all of it is."""
    words = [name, *re.split("[-_]", name)]
    whole, *ratios = [SequenceMatcher(None, wrong.lower(), word.lower()).ratio() for word in words]
    return max(whole, *(ratio for ratio in ratios if ratio >= CLOSE_WORD), 0.0), whole


def _listed_or(names: list[str]) -> str:
    """Names as alternatives: a, b or c."""
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
