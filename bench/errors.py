"""Errors of bench and reports that a user can fix, and what both take from collect. Standard library only."""

from collect.datasets import (
    HELP_FLAGS,
    FlagsGivenOnce,
    UsageError,
    VggbenchError,
    file_error_text,
    name_hint,
    print_text,
    print_version,
    run_command,
)

__all__ = [
    "HELP_FLAGS",
    "FlagsGivenOnce",
    "RecordError",
    "UsageError",
    "VggbenchError",
    "WeightsError",
    "file_error_text",
    "name_hint",
    "print_text",
    "print_version",
    "run_command",
]


class WeightsError(VggbenchError):
    """Weights that are not available or do not fit."""

    exit_code = 4


class RecordError(VggbenchError):
    """A run.json that cannot be read: incomplete, of another schema, or not written by bench."""
