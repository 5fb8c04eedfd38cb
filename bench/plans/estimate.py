"""How long a plan will take on this device, estimated before anything is trained."""

from collections.abc import Sequence
from dataclasses import replace

from bench.data import Source, select_images
from bench.machine import measured_throughput
from bench.models import count_model
from bench.plans.plan import Plan

PROCESS_SECONDS = 6.0
SMALLER_SIZES = (192, 160, 128, 96, 64, 48, 32)


def estimate_seconds(plan: Plan, source: Source) -> float:
    """Estimated seconds of a plan: its FLOPs over this device's measured rate for convolutions, plus its process."""
    chosen = select_images(source, plan.recipe, plan.seed)
    counts = count_model(plan.model, plan.recipe, len(source.classes))
    train, test = len(chosen.train), len(chosen.test) + len(chosen.extra)
    backbone = counts.prefix_flops_per_image * (train * plan.recipe.views + test)
    epochs = plan.recipe.fixed_epochs or 10
    head = epochs * (train * counts.train_flops_per_image + test * counts.train_flops_per_image / 3)
    rate = measured_throughput(plan.device, plan.recipe.precision).conv_tflops * 1e12
    return PROCESS_SECONDS + (backbone + head) / rate


def smaller_size(plans: Sequence[Plan], source: Source, seconds: float) -> int | None:
    """The largest usual size, in px and below the plans' own, at which they take at most `seconds`; None if none."""
    for size in SMALLER_SIZES:
        smaller = [replace(p, recipe=replace(p.recipe, size=size)) for p in plans]
        if all(size < p.recipe.size for p in plans) and sum(estimate_seconds(p, source) for p in smaller) <= seconds:
            return size
    return None
