"""What must hold within a run's record. Standard library only."""

import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from bench.errors import RecordError
from bench.records.run import DatasetInfo, Epoch, Run, RunStatus

ROUNDING = 1e-6
"""Shares of the same images may differ by this much: they are stored as decimal fractions."""


def check_run(run: Run, where: str) -> None:
    """Raise RecordError about `where` if values of a record are impossible or contradict each other."""
    checks = (_numbers(run), _dataset(run.dataset), _result(run), _epochs(run.epochs))
    for problem in (problem for check in checks for problem in check):
        raise RecordError(f"{where}: {problem}")


def _dataset(dataset: DatasetInfo) -> Iterator[str]:
    if not dataset.classes or len(set(dataset.classes)) < len(dataset.classes):
        yield "dataset.classes is empty or names a class twice"
    if dataset.test < 1:
        yield f"dataset.test is {dataset.test}"
    if not 0 <= dataset.validation <= dataset.train:
        yield f"dataset.validation is {dataset.validation} of {dataset.train} train images"
    if not re.fullmatch(r"[0-9a-f]{64}", dataset.manifest_sha256):
        yield "dataset.manifest_sha256 is not 64 hex digits"


def _result(run: Run) -> Iterator[str]:
    r, k, test = run.result, len(run.dataset.classes), run.dataset.test
    if r.status is RunStatus.DONE and r.accuracy is None:
        yield "result.accuracy is missing although result.status is 'done'"
    if (r.clean_accuracy is None) != (r.clean_images is None):
        yield "only one of result.clean_accuracy and result.clean_images is known"
    known = [share for share in (r.accuracy_low, r.accuracy, r.accuracy_high) if share is not None]
    if any(low > high + ROUNDING for low, high in pairwise(known)):
        yield "result.accuracy is not from accuracy_low to accuracy_high"
    if r.confusion is None:
        return
    if len(r.confusion) != k or any(len(row) != k for row in r.confusion):
        yield f"result.confusion is not {k} x {k}"
    elif min(map(min, r.confusion)) < 0 or sum(map(sum, r.confusion)) != test:
        yield f"result.confusion does not count the {test} test images"
    elif r.accuracy is not None and not is_share(r.accuracy, sum(r.confusion[i][i] for i in range(k)), test):
        yield "result.accuracy contradicts result.confusion"


def is_share(share: float, part: int, whole: int) -> bool:
    """Whether a stored share is that of `part` in `whole`."""
    return abs(share - part / whole) <= ROUNDING


def _epochs(epochs: Sequence[Epoch]) -> Iterator[str]:
    if [e.epoch for e in epochs] != list(range(1, len(epochs) + 1)):
        yield "epochs are not numbered 1, 2, 3, ..."
    for e in epochs:
        if (e.test_loss is None) != (e.test_accuracy is None) or (e.val_loss is None) != (e.val_accuracy is None):
            yield f"epochs[{e.epoch - 1}] has a loss without its accuracy, or the reverse"


def _numbers(run: Run) -> Iterator[str]:
    """Numbers out of range: shares from 0 to 1; counts, losses, times and the like from 0."""
    r, m, c = run.result, run.model, run.cost
    shares = [r.accuracy, r.accuracy_low, r.accuracy_high, r.top5, r.macro_f1, r.clean_accuracy, r.balanced_accuracy]
    least_zero: list[float | None] = [m.parameters_total, m.parameters_trainable, m.flops_per_image]
    least_zero += [run.dataset.train, r.clean_images, run.device.cores, run.device.peak_tflops]
    least_zero += [c.total_seconds, c.epoch_seconds, c.pack_seconds, c.feature_seconds, c.compile_seconds]
    least_zero += [c.peak_memory_bytes, c.energy_joules, c.tflops, c.mfu, c.shared_with, *(c.breakdown or {}).values()]
    for e in run.epochs:
        shares += [e.train_accuracy, e.test_accuracy, e.val_accuracy]
        least_zero += [e.train_loss, e.test_loss, e.val_loss, e.seconds, e.images_per_second]
    if t := run.tuning:
        shares += [t.validation_accuracy, *(trial.validation_accuracy for trial in t.tried)]
        least_zero += [t.trials, t.seconds, *(trial.seconds for trial in t.tried)]
    if run.training:
        least_zero += [run.training.steps, run.training.decay_step]
    if any(share is not None and not 0 <= share <= 1 for share in shares):
        yield "a share is not between 0 and 1"
    if any(number is not None and not 0 <= number < math.inf for number in least_zero):
        yield "a count, loss, time, size or speed is negative or infinite"
    try:
        datetime.fromisoformat(run.created)
    except ValueError:
        yield f"created is {run.created!r:.40}, not a time (ISO 8601)"
