"""How it was measured: device, versions, recipes, commands, and whether the race was fair. Nothing private is shown."""

import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.records import Run
from reports.study import BUDGET, Comparison, Contender, names_of, recipe_of
from reports.words import big, clean, listed, plural

SECRET = re.compile(r"(?i)((?:key|token|secret|password)[\w-]*[=:\s]+)[^\s&]+|(?<=://)[^/\s@]+@")
HOMES = re.compile(r"(?:/home|/Users|C:\\Users)[/\\][^/\\\s]+|/root\b")


def redact(text: object, limit: int = 300) -> str:
    """A text from a record without home directories, this machine's name, keys or passwords."""
    shown = str(text).replace(str(Path.home()), "~") if len(str(Path.home())) > 1 else str(text)
    shown = SECRET.sub(lambda m: (m[1] or "") + "***", HOMES.sub("~", shown))
    host = platform.node()
    if len(host) > 2:
        shown = re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", "(host)", shown)
    return clean(shown, limit)


@dataclass(frozen=True)
class Check:
    """One question of the fairness audit; `level` is ok, note or unfair."""

    question: str
    level: str
    answer: str


def _spread(contenders: list[Contender], key: str) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for c in contenders:
        value = c.group.any.recipe.get(key)
        plain = {True: "yes", False: "no"}[value] if isinstance(value, bool) else "none" if value is None else value
        values.setdefault(redact(plain, 60), []).append(c.name)
    return values


def _same(question: str, values: dict[str, list[str]], level: str) -> Check:
    if len(values) == 1:
        return Check(question, "ok", f"{next(iter(values))} for all")
    return Check(question, level, "; ".join(f"{listed(names)}: {value}" for value, names in values.items()))


def fairness(comparison: Comparison) -> list[Check]:
    """The audit: what is the same for all contenders, what differs by nature, what makes a pair unfair."""
    cs = comparison.contenders
    if not cs:
        return []
    run = cs[0].group.any
    rows = [
        Check("Same images, same split", "ok", f"manifest {run.dataset.manifest_sha256[:12]} for all"),
        Check("Same device and precision", "ok", f"{redact(run.device.name)}, {run.device.precision} for all"),
    ]
    for key, words in BUDGET.items():
        if any(key in c.group.any.recipe for c in cs):
            rows.append(_same(f"Same {words}", _spread(cs, key), "unfair"))
    seeds = {", ".join(map(str, (r.seed for r in c.group.runs))): c.name for c in cs}
    if len(seeds) == 1:
        rows.append(Check("Same seeds", "ok", f"{next(iter(seeds))} for all"))
    else:
        rows.append(Check("Same seeds", "note", "; ".join(f"{name}: {s}" for s, name in seeds.items())))
    for key in ("augment", "batch_size"):
        if any(key in c.group.any.recipe for c in cs):
            rows.append(_same(f"Same {key.replace('_', ' ')}", _spread(cs, key), "note"))
    codes = {f"{r.code.version} ({(r.code.commit or 'commit not known')[:10]})" for c in cs for r in c.group.runs}
    rows.append(Check("Same code", "ok" if len(codes) == 1 else "note", redact(listed(sorted(codes)))))
    if any(r.code.dirty for c in cs for r in c.group.runs):
        rows.append(Check("Committed code", "note", "some runs were made from files with changes not committed"))
    rows += _photos(comparison)
    origins = {c.origin: c.name for c in cs if c.origin}
    if origins:
        rows.append(Check("Started from other images", "note", f"{listed(sorted(map(str, origins)))}: by design"))
    return rows


def _photos(comparison: Comparison) -> list[Check]:
    facts = comparison.study.facts.get(comparison.contenders[0].group.any.dataset.manifest_sha256)
    rows = []
    if facts:
        level = "unfair" if facts[0].leaks else "ok"
        rows.append(Check("No image in train and test alike", level, f"{plural(facts[0].leaks, 'leak')} found"))
    overlap = [c.name for c in comparison.contenders if "pretraining set" in comparison.unfair.get(c.name, "")]
    known = any(c.answers is not None and c.answers.clean is not None for c in comparison.contenders)
    if overlap:
        rows.append(Check("Test images new to the weights", "unfair", f"not for {listed(overlap)}"))
    elif comparison.clean_images:
        told = f"judged on the {comparison.clean_images:,} that are new"
        rows.append(Check("Test images new to the weights", "note", told))
    elif any(c.origin for c in comparison.contenders):
        told = "yes, as far as hashes and names tell" if known else "no overlap recorded"
        rows.append(Check("Test images new to the weights", "ok" if known else "note", told))
    return rows


def device(run: Run) -> list[tuple[str, str]]:
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


@dataclass(frozen=True)
class Receipt:
    """Where the numbers of a group come from: its command, its runs and the code that made them."""

    name: str
    origin: str | None
    command: str | None
    runs: list[tuple[str, int, str, str, str]]
    notes: list[str]


def receipts(comparison: Comparison) -> list[Receipt]:
    """A receipt for every group, contenders first."""
    named = [(c.name, c.group) for c in comparison.contenders]
    known = {id(c.group) for c in comparison.contenders}
    others = [g for g in comparison.study.groups if id(g) not in known]
    named += list(zip(names_of(others), others, strict=True))
    made = []
    for name, group in named:
        runs = [*group.runs, *group.earlier, *group.lost]
        commands = [run.command for run in runs if run.command]
        rows = [
            (
                redact(r.run, 80),
                r.seed,
                redact(r.created, 40),
                f"{r.code.version} {(r.code.commit or '')[:10]}{' +changes' if r.code.dirty else ''}".strip(),
                r.result.status + (f": {redact(r.result.reason)}" if r.result.reason else ""),
            )
            for r in runs
        ]
        notes = sorted({redact(note) for r in runs for note in r.notes})
        origin = clean(group.any.model.weights) if group.any.model.weights else None
        made.append(Receipt(name, origin, redact(commands[-1], 500) if commands else None, rows, notes))
    return made


def recipes(comparison: Comparison) -> tuple[list[tuple[str, list[str]]], list[tuple[str, str]]]:
    """Recipe fields that differ between contenders, a value for each, and those that are the same for all."""
    values: list[dict[str, Any]] = []
    for c in comparison.contenders:
        model = c.group.any.model
        values.append({"arch": model.arch, "head": model.head, **recipe_of(c.group.any)})
    differ, same = [], []
    for key in dict.fromkeys(k for v in values for k in v):
        shown = ["–" if v.get(key) is None else redact(v[key], 60) for v in values]
        if len(set(shown)) > 1:
            differ.append((redact(key, 40), shown))
        else:
            same.append((redact(key, 40), shown[0]))
    return differ, same
