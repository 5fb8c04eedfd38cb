"""The metrics computed from logits."""

import pytest
import torch
from statsmodels.stats.proportion import proportion_confint

from bench.training import compute_metrics


@pytest.mark.parametrize(("correct", "count"), [(0, 40), (40, 40), (31, 40), (1963, 3925), (3924, 3925)])
def test_the_interval_is_wilsons(correct: int, count: int) -> None:
    labels = torch.zeros(count, dtype=torch.int64)
    logits = torch.where(torch.arange(count) < correct, -1.0, 1.0)[:, None]
    metrics = compute_metrics(logits, labels, 2)
    low, high = proportion_confint(correct, count, method="wilson")
    assert metrics.accuracy == correct / count
    assert (metrics.accuracy_low, metrics.accuracy_high) == pytest.approx((low, high), abs=1e-12)


def test_confusion_macro_f1_and_top5_of_six_classes() -> None:
    labels = torch.tensor([0, 1, 2, 3, 4, 5])
    logits = torch.eye(6)
    logits[5] = torch.tensor([9.0, 8, 7, 6, 5, 0])  # predicted as the first class, its own class comes last
    metrics = compute_metrics(logits, labels, 6)
    assert (metrics.accuracy, metrics.top5) == pytest.approx((5 / 6, 5 / 6))
    assert metrics.confusion[5] == [1, 0, 0, 0, 0, 0]
    assert metrics.macro_f1 == pytest.approx((2 / 3 + 4) / 6)
    assert compute_metrics(torch.eye(3), torch.arange(3), 3).top5 is None
