"""What can go wrong in bench and reports that the user can mend. Standard library only."""


class BenchError(Exception):
    """Something the user can mend: the message is one line, `exit_code` what the command ends with."""

    exit_code = 1


class UsageError(BenchError):
    """An unknown flag, key, model, dataset or run."""

    exit_code = 2


class WeightsError(BenchError):
    """Weights that cannot be had or do not fit."""

    exit_code = 4


class RecordError(BenchError):
    """A run.json that cannot be read: half-written, of another schema, or not ours."""
