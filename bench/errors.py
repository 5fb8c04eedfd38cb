"""Errors of bench and reports that a user can fix. Standard library only."""

from collect.datasets import UsageError, VggbenchError, file_error_text, run_command

__all__ = ["RecordError", "UsageError", "VggbenchError", "WeightsError", "file_error_text", "run_command"]


class WeightsError(VggbenchError):
    """Weights that are not available or do not fit."""

    exit_code = 4


class RecordError(VggbenchError):
    """A run.json that cannot be read: incomplete, of another schema, or not written by bench."""
