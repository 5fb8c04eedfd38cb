"""Where a run's time went. What a frozen model's features took counts, also where they were found in the cache."""

from bench.records import Run


def training_seconds(run: Run) -> float:
    """Seconds of the feature pass, where there is one, and of all epochs of a run."""
    return (run.cost.feature_seconds or 0.0) + sum(e.seconds for e in run.epochs)


def parts_seconds(run: Run) -> dict[str, float]:
    """Seconds of a run by part, none counted twice; `features` as they took when they were made, now or before."""
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
    """Seconds from start to end of a run; a feature pass found in the cache counts as if it had been made.

    The record gives it away only where the parts take longer than the whole; what is found unnoticed is shorter than
    the time that no part accounts for. Of several views some may have been found and others made: then the parts
    together are all that is sure.
    """
    parts, total = parts_seconds(run), run.cost.total_seconds
    if sum(parts.values()) <= total:
        return total
    return total + parts["features"] if run.recipe.get("views") in (None, 1) else sum(parts.values())
