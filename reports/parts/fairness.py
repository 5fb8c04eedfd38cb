"""Whether the comparison is fair: what is the same for all contenders, and what is not."""

from enum import StrEnum

from reports.parts.part import Part
from reports.study import CONDITION_NAMES, NOTED_CONDITIONS, SEEN_IMAGES, Comparison, Condition, Contender, condition
from reports.words import listed, plural, redact


class Level(StrEnum):
    """How a check ended: `unfair` excludes a contender from the comparison."""

    OK = "ok"
    NOTE = "note"
    UNFAIR = "unfair"


NOTED_FIELDS = {"augment": "augmentation", "batch_size": "batch size"}
Check = tuple[str, Level, str]
"""One question of the audit, how it ended, and the answer."""


def _same_condition(contenders: list[Contender], key: Condition, words: str, level: Level) -> Check:
    """Whether a condition is the same for all; models that have only one architecture are left out."""
    values = {c.name: condition(c.group.example, key) for c in contenders}
    if key in NOTED_CONDITIONS:
        values = {name: value for name, value in values.items() if value is not None}
    return _same(values, words, level)


def _same(values: dict[str, object], words: str, level: Level) -> Check:
    """Whether a value is the same for all; `level` is for one that is not."""
    by_value: dict[str, list[str]] = {}
    for name, value in values.items():
        text = {True: "yes", False: "no"}[value] if isinstance(value, bool) else "none" if value is None else value
        by_value.setdefault(redact(text, 60), []).append(name)
    if len(by_value) == 1:
        return f"Same {words}", Level.OK, f"{next(iter(by_value))} for all"
    answer = "; ".join(f"{listed(names)}: {value}" for value, names in by_value.items())
    return f"Same {words}", level, answer


def _same_seeds(contenders: list[Contender]) -> Check:
    by_seeds = {", ".join(str(r.seed) for r in c.group.runs): c.name for c in contenders}
    if len(by_seeds) == 1:
        return "Same seeds", Level.OK, f"{next(iter(by_seeds))} for all"
    return "Same seeds", Level.NOTE, "; ".join(f"{name}: {seeds}" for seeds, name in by_seeds.items())


def _code(contenders: list[Contender]) -> list[Check]:
    runs = [r for c in contenders for r in c.group.runs]
    codes = {f"{r.code.version} ({(r.code.commit or 'unknown commit')[:10]})" for r in runs}
    level = Level.OK if len(codes) == 1 else Level.NOTE
    checks: list[Check] = [("Same code", level, redact(listed(sorted(codes))))]
    if any(r.code.dirty for r in runs):
        checks.append(("Committed code", Level.NOTE, "some runs used code with uncommitted changes"))
    return checks


def _unseen(comparison: Comparison) -> Check | None:
    """Whether the test images are new to the pretrained weights."""
    question = "Test images new to the weights"
    if overlap := [c.name for c in comparison.contenders if SEEN_IMAGES in comparison.unfair.get(c.name, ())]:
        return question, Level.UNFAIR, f"not for {listed(overlap)}"
    if clean := comparison.few_clean:
        seen = [c.name for c in comparison.contenders if c.group.origin]
        few = f"only {clean.images:,} of {comparison.contenders[0].images:,}, too few to decide"
        return question, Level.UNFAIR, f"{few}: the accuracy of {listed(seen)} is too optimistic"
    if comparison.clean_images:
        return question, Level.NOTE, f"only the {comparison.clean_images:,} new ones count"
    if not any(c.group.origin for c in comparison.contenders):
        return None
    if any(p.clean is not None for _, p in comparison.with_predictions):
        return question, Level.OK, "yes, as far as hashes and names show"
    return question, Level.NOTE, "no overlap recorded"


def checks(comparison: Comparison) -> list[Check]:
    """The audit: what is the same for all contenders, what differs by design, what makes a pair unfair."""
    contenders = comparison.contenders
    if not contenders:
        return []
    run = contenders[0].group.example
    rows: list[Check] = [
        ("Same images and split", Level.OK, f"manifest {run.dataset.manifest_sha256[:12]} for all"),
        (
            "Same device and precision",
            Level.OK,
            f"{redact(run.device.name)}, {redact(run.device.precision, 20)} for all",
        ),
    ]
    runs = [c.group.example for c in contenders]
    recorded = {key for r in runs for key in r.recipe}
    recorded |= {key for key in (*CONDITION_NAMES, *NOTED_CONDITIONS) if any(condition(r, key) for r in runs)}
    for names, level in ((CONDITION_NAMES, Level.UNFAIR), (NOTED_CONDITIONS, Level.NOTE)):
        rows += [_same_condition(contenders, key, words, level) for key, words in names.items() if key in recorded]
    rows.append(_same_seeds(contenders))
    for field, words in NOTED_FIELDS.items():
        if field in recorded:
            rows.append(_same({c.name: c.group.example.recipe.get(field) for c in contenders}, words, Level.NOTE))
    rows += _code(contenders)
    if facts := comparison.facts:
        level = Level.UNFAIR if facts.leaked_images else Level.OK
        rows.append(("No image in both train and test", level, f"{plural(facts.leaked_images, 'leak')} found"))
    if unseen := _unseen(comparison):
        rows.append(unseen)
    if origins := sorted({c.group.origin for c in contenders if c.group.origin}):
        rows.append(("Started from other images", Level.NOTE, f"{listed(origins)}: by design"))
    return rows


def part(comparison: Comparison) -> Part | None:
    """The audit; None without a finished run."""
    rows = checks(comparison)
    about = "what could favour a model"
    return Part("fairness", "Fairness", "Is the comparison fair?", {"checks": rows}, about=about) if rows else None
