"""What tuning found for each model, and what it cost."""

from collections.abc import Mapping, Sequence

from bench.records import Trial, TrialStatus
from reports.charts import tuning_charts
from reports.parts.part import Part
from reports.study import Comparison, TuningCurve, leads_by_trials, overtaking, tuning_curves
from reports.words import clean, duration, listed, mid_sentence, percent, plural, points, signed, times

STATUS_NAMES = {TrialStatus.PRUNED: "stopped early", TrialStatus.FAILED: "failed"}
SMALL_GAIN = 0.001


def _sentences(curves: Sequence[TuningCurve]) -> list[str]:
    """Who leads after how many trials, who overtakes whom, and what tuning brought."""
    sentences = []
    several = [curve for curve in curves if len(curve.expected) > 1]
    if len(several) > 1:
        sentences += _lead(several)
        for a, b, trials in overtaking(several):
            behind = mid_sentence(b.contender.name)
            sentences.append(f"{a.contender.name} overtakes {behind} only after {plural(trials - 1, 'trial')}.")
    if once := [mid_sentence(curve.contender.name) for curve in curves if curve not in several]:
        sentences.append(f"One trial says nothing about the gain from tuning: {listed(once)}.")
    return [*sentences, *(line for curve in curves if (line := _gain(curve)))]


def _lead(curves: Sequence[TuningCurve]) -> list[str]:
    """Who is expected to be the best in the end, since when, and whether other trials could change that."""
    leads = leads_by_trials(curves)
    leader, shared = leads[-1].curve, min(len(c.expected) for c in curves)
    name = leader.contender.name
    unequal = (
        f" (counted up to trial {shared}, the last that all have)" if len({len(c.expected) for c in curves}) > 1 else ""
    )
    if len(leads) == 1:
        sentences = [f"{name} leads from the first trial on{unequal}."]
    else:
        before = mid_sentence(leads[-2].curve.contender.name)
        sentences = [f"{name} leads only from trial {leads[-1].start:.0f} on, {before} before{unequal}."]
    low = leader.intervals[shared - 1][0]
    close = [c.contender.name for c in curves if c is not leader and c.intervals[shared - 1][1] > low]
    if close:
        who = listed([mid_sentence(c) for c in close])
        sentences.append(f"Other trials could change that: the intervals of {who} overlap with it.")
    return sentences


def _gain(curve: TuningCurve) -> str | None:
    name, gain = curve.contender.name, curve.gain
    if gain is None or len(curve.expected) == 1:
        return None
    cost = f"{plural(curve.tuning.trials, 'trial')}, {duration(curve.tuning.seconds)}"
    if gain < SMALL_GAIN:
        return f"{name}: no trial was better than its own recipe ({cost})."
    return f"{name}: {points(gain)} above its own recipe ({cost})."


def values_text(values: Mapping[str, object]) -> str:
    """Recipe values in one line."""
    texts = (f"{value:g}" if isinstance(value, float) else str(value) for value in values.values())
    return ", ".join(f"{clean(key, 30)} {clean(text, 30)}" for key, text in zip(values, texts, strict=True))


def _row(curve: TuningCurve) -> tuple[TuningCurve, str, list[str]]:
    tuning, runs = curve.tuning, curve.contender.group.runs
    own, best = tuning.tried[0].validation_accuracy, tuning.validation_accuracy
    stopped, failed = curve.count(TrialStatus.PRUNED), curve.count(TrialStatus.FAILED)
    run_seconds = sum(r.cost.total_seconds for r in runs) / len(runs)
    ratio = times(tuning.seconds / run_seconds) if run_seconds else "–"
    gain = "–" if curve.gain is None else signed(curve.gain)
    cells = [
        str(tuning.trials),
        str(stopped),
        str(failed),
        duration(tuning.seconds),
        ratio,
        percent(own),
        percent(best),
    ]
    return curve, values_text(tuning.chosen) or "its own recipe", [*cells, gain]


def _trial_cells(trial: Trial) -> list[str]:
    status = STATUS_NAMES.get(trial.status, "complete")
    return [values_text(trial.values), percent(trial.validation_accuracy), status, duration(trial.seconds)]


def part(comparison: Comparison) -> Part | None:
    """The tuning of the contenders; None if none was tuned."""
    curves = tuning_curves(comparison)
    if not curves:
        return None
    charts = tuning_charts(curves)
    tried = [(c.contender, [(t.number, _trial_cells(t)) for t in c.tuning.tried]) for c in curves]
    values = {"charts": charts, "sentences": _sentences(curves), "rows": [_row(c) for c in curves], "tried": tried}
    about = "the accuracy to expect from more trials, and every trial"
    return Part("tuning", "Tuning", "What tuning found, and what it cost", values, charts, about=about)
