"""reports.parts."""

from reports.parts.verdict import judge

__all__ = [
    "judge",
]
