"""How it was measured: device, versions, files left out, and the command of every run. Nothing private is shown."""

from bench.records import Run
from reports.parts.part import Part
from reports.study import Comparison, RunGroup, names_of
from reports.words import big, redact


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


def _run_row(run: Run) -> tuple[str, int, str, str, str]:
    code = f"{run.code.version} {(run.code.commit or '')[:10]}{' +changes' if run.code.dirty else ''}".strip()
    status = run.result.status + (f": {redact(run.result.reason)}" if run.result.reason else "")
    return redact(run.run, 80), run.seed, redact(run.created, 40), code, status


def _receipt(name: str, group: RunGroup) -> dict[str, object]:
    """Where the numbers of a group come from: its command, its runs and the code that made them."""
    runs = [*group.runs, *group.replaced, *group.unfinished]
    commands = [run.command for run in runs if run.command]
    return {
        "name": name,
        "origin": group.origin,
        "command": redact(commands[-1], 500) if commands else None,
        "runs": [_run_row(run) for run in runs],
        "notes": sorted({redact(note) for run in runs for note in run.notes}),
    }


def part(comparison: Comparison) -> Part:
    """The device, the files left out, and a receipt for every group, contenders first."""
    contenders = {c.group: c.name for c in comparison.contenders}
    others = [g for g in comparison.study.groups if g not in contenders]
    names = zip(names_of(others), others, strict=True)
    left_out = {*comparison.left_out, *comparison.gallery.left_out}
    values: dict[str, object] = {
        "device": _device(comparison.contenders[0].group.example) if contenders else [],
        "left_out": [redact(text, 400) for text in sorted(left_out)],
        "receipts": [_receipt(name, group) for group, name in contenders.items()],
        "other_receipts": [_receipt(name, group) for name, group in names],
    }
    return Part("conditions", "Conditions", "How it was measured", values)
