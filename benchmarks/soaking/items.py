"""The items of a soak: each thing that is tried is held, lost or skipped."""

from collections.abc import Callable
from dataclasses import dataclass


class LostError(Exception):
    """A promise is broken: a traceback, an undocumented exit code, a hang, wrong or lost data."""


class SkippedError(Exception):
    """This machine cannot try it; the message says why."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was tried. `lost` and `skipped` hold the reason; both are empty if it held."""

    kind: str
    lost: str = ""
    skipped: str = ""


def require(condition: object, reason: str) -> None:
    """Raise LostError with this reason unless the condition holds."""
    if not condition:
        raise LostError(reason)


def attempt(kind: str, check: Callable[[], object]) -> Item:
    """The item of a check that raises LostError, SkippedError or nothing. Files that it cannot read are lost too."""
    try:
        check()
    except LostError as err:
        return Item(kind, lost=str(err))
    except SkippedError as err:
        return Item(kind, skipped=str(err))
    except (OSError, ValueError, LookupError) as err:
        return Item(kind, lost=f"what was left cannot be read: {err!r}")
    return Item(kind)
