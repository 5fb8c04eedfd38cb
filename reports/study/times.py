"""The parts of a run's time. A frozen model's feature pass counts even if the features came from the cache."""

from bench.records import Run


def training_seconds(run: Run) -> float:
    """Seconds of all epochs of a run, and of its feature pass if it has one."""
    return (run.cost.feature_seconds or 0.0) + sum(e.seconds for e in run.epochs)


def parts_seconds(run: Run) -> dict[str, float]:
    """Seconds of a run by part, none counted twice; `features` is the time they took to compute, now or before."""
    cost, known = run.cost, run.cost.breakdown or {}
    return {
        "features": cost.feature_seconds or 0.0,
        "train": sum(e.seconds for e in run.epochs),
        "evaluate": known.get("evaluate", 0.0),
        "pack": known.get("pack", cost.pack_seconds or 0.0),
        "warm-up": known.get("warm-up", 0.0),
        "compile": known.get("compile", cost.compile_seconds or 0.0),
        "keep": known.get("checkpoint", 0.0) + known.get("pictures", 0.0),
    }


def total_seconds(run: Run) -> float:
    """Seconds from start to end of a run; features from the cache count as if the run had computed them.

    The record shows a cached pass only if the parts add up to more than the whole; a shorter pass hides in the time
    that no part accounts for. With several views some may come from the cache and others not: then only the sum of the
    parts is certain.
    """
    parts, total = parts_seconds(run), run.cost.total_seconds
    if sum(parts.values()) <= total:
        return total
    return total + parts["features"] if run.recipe.get("views") in (None, 1) else sum(parts.values())
