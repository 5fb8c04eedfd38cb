"""Whether the comparison is fair: what is the same for all contenders, and what is not."""

from enum import StrEnum

from reports.parts.part import Part
from reports.study import CONDITION_NAMES, SEEN_IMAGES, Comparison, Contender
from reports.words import listed, plural, redact


class Level(StrEnum):
    """How a check ended: `unfair` excludes a contender from the comparison."""

    OK = "ok"
    NOTE = "note"
    UNFAIR = "unfair"


NOTED_FIELDS = {"augment": "augmentation", "batch_size": "batch size"}
Check = tuple[str, Level, str]
"""One question of the audit, how it ended, and the answer."""


def _same_field(contenders: list[Contender], key: str, words: str, level: Level) -> Check:
    """Whether a recipe field is the same for all; `level` is for one that is not."""
    by_value: dict[str, list[str]] = {}
    for c in contenders:
        value = c.group.example.recipe.get(key)
        text = {True: "yes", False: "no"}[value] if isinstance(value, bool) else "none" if value is None else value
        by_value.setdefault(redact(text, 60), []).append(c.name)
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
        ("Same device and precision", Level.OK, f"{redact(run.device.name)}, {run.device.precision} for all"),
    ]
    recorded = {key for c in contenders for key in c.group.example.recipe}
    rows += [_same_field(contenders, k, v, Level.UNFAIR) for k, v in CONDITION_NAMES.items() if k in recorded]
    rows.append(_same_seeds(contenders))
    rows += [_same_field(contenders, k, v, Level.NOTE) for k, v in NOTED_FIELDS.items() if k in recorded]
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
    return Part("fairness", "Fairness", "Is the comparison fair?", {"checks": rows}) if rows else None
