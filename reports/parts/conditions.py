"""How it was measured: conditions, device, versions, files left out, and the command of every run.

Nothing private is shown.
"""

from collections.abc import Callable

from bench.records import Run, StopReason
from reports.parts.part import Part
from reports.study import Comparison, RunGroup, names_of
from reports.words import big, duration, plural, redact

STOPS = {
    StopReason.EPOCHS: "all epochs done",
    StopReason.FLAT: "validation was flat",
    StopReason.CEILING: "largest number of steps",
    StopReason.TIME: "time limit",
}


def _device(run: Run) -> list[tuple[str, str]]:
    """The machine and its versions as (name, value)."""
    d = run.device
    rows = [
        ("Device", f"{d.name} ({d.kind})"),
        ("CPU", f"{d.cpu}, {d.cores} cores" if d.cpu else None),
        ("Precision", d.precision),
        ("Peak", f"{big(d.peak_tflops * 1e12)}FLOP/s measured" if d.peak_tflops else None),
        ("torch", d.torch),
        ("CUDA", d.cuda),
        ("Driver", d.driver),
    ]
    return [(name, redact(value)) for name, value in rows if value]


def _each(group: RunGroup, show: Callable[[Run], object]) -> str:
    """What `show` gives for the runs of a group: one value if all agree, else one for each seed."""
    values = ["–" if (value := show(run)) is None else redact(value, 60) for run in group.runs]
    return values[0] if len(set(values)) == 1 else ", ".join(values)


def _tuning(run: Run) -> str:
    if not run.tuning:
        return "none"
    trials = plural(run.tuning.trials, "trial")
    return f"--tune {run.tuning.limit}: {trials} in {duration(run.tuning.seconds)}"


CONDITION_ROWS: dict[str, Callable[[Run], object]] = {
    "Architecture": lambda run: run.model.arch,
    "Width": lambda run: run.recipe.get("width"),
    "Image size": lambda run: f"{run.recipe['size']} px" if "size" in run.recipe else None,
    "Training images": lambda run: f"{run.dataset.train:,}",
    "Validation images": lambda run: f"{run.dataset.validation:,}",
    "Test images": lambda run: f"{run.dataset.test:,}",
    "Tuning": _tuning,
    "Epochs": lambda run: run.recipe.get("epochs"),
    "Epochs trained": lambda run: len(run.epochs),
    "Steps": lambda run: f"{run.training.steps:,}" if run.training else None,
    "Ended because": lambda run: STOPS[run.training.stop] if run.training else None,
    "Runs that shared its data": lambda run: run.cost.shared_with,
}
"""What decides how well a model was trained, one row for each."""


def _condition_rows(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """The rows that at least one contender records, with a cell for each contender."""
    rows = [(name, [_each(c.group, show) for c in comparison.contenders]) for name, show in CONDITION_ROWS.items()]
    return [(name, cells) for name, cells in rows if any(cell != "–" for cell in cells)]


def _run_row(run: Run) -> tuple[str, int, str, str, str]:
    code = f"{run.code.version} {(run.code.commit or '')[:10]}{' +changes' if run.code.dirty else ''}".strip()
    status = run.result.status + (f": {redact(run.result.reason)}" if run.result.reason else "")
    return redact(run.run, 80), run.seed, redact(run.created, 40), redact(code, 60), status


def _receipt(name: str, group: RunGroup, reason: object = None) -> dict[str, object]:
    """Where the numbers of a group come from: its command, its runs and the code that made them."""
    runs = [*group.runs, *group.replaced, *group.unfinished]
    commands = [run.command for run in runs if run.command]
    return {
        "name": name,
        "origin": group.origin,
        "reason": str(reason) if reason else None,
        "command": redact(commands[-1], 500) if commands else None,
        "runs": [_run_row(run) for run in runs],
        "notes": sorted({redact(note) for run in runs for note in run.notes}),
    }


def part(comparison: Comparison) -> Part:
    """The conditions, the device, the files left out, and a receipt for every group, contenders first."""
    contenders = {c.group: c.name for c in comparison.contenders}
    others = [g for g in comparison.study.groups if g not in contenders]
    names = zip(names_of(others), others, strict=True)
    left_out = {*comparison.left_out, *comparison.gallery.left_out}
    values: dict[str, object] = {
        "names": [c.name for c in comparison.contenders],
        "conditions": _condition_rows(comparison),
        "device": _device(comparison.contenders[0].group.example) if contenders else [],
        "left_out": [redact(text, 400) for text in sorted(left_out)],
        "receipts": [_receipt(name, group) for group, name in contenders.items()],
        "other_receipts": [_receipt(name, group, comparison.excluded.get(group)) for name, group in names],
    }
    about = "settings, device, versions and the command of every run"
    return Part("conditions", "Conditions", "How it was measured", values, about=about)
