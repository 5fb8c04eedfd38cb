"""The accuracy expected from the best of several trials, by trials and by the time that they take."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from reports.charts import style
from reports.charts.labels import end_labels
from reports.charts.style import Chart, Row, Stop
from reports.study import TuningCurve, leads_by_time, leads_by_trials, weights_line
from reports.words import PERCENT, duration, mid_sentence, percent, plural

MEASURE = "validation accuracy"
CAPTION = (
    f"Validation accuracy expected from the best of so many trials, with its 95{PERCENT} interval (bootstrap over the "
    "trials). It treats trials as random draws; later ones were chosen with knowledge of earlier ones."
)


def _x(curve: TuningCurve, by_time: bool) -> list[float]:
    return [n * curve.trial_seconds if by_time else n for n in range(1, len(curve.expected) + 1)]


def _value(curve: TuningCurve, place: int) -> str:
    low, high = (percent(bound).removesuffix(PERCENT) for bound in curve.intervals[place])
    return f"{percent(float(curve.expected[place]))} ({low}–{high})"


def _stops(axes: Axes, curves: Sequence[TuningCurve], by_time: bool) -> list[Stop]:
    points: dict[float, list[Row]] = {}
    for number, curve in enumerate(curves):
        for place, x in enumerate(_x(curve, by_time)):
            points.setdefault(x, []).append((number, _value(curve, place)))
    if not by_time:
        return [
            style.stop(axes, n, None, f"Best of {plural(int(n), 'trial')}: {MEASURE}", points[n])
            for n in sorted(points)
        ]
    stops = []
    for x in sorted(points):
        number, _ = points[x][0]
        place = round(x / curves[number].trial_seconds) - 1
        head = f"After {duration(x)}, {plural(place + 1, 'trial')}: {MEASURE}"
        stops.append(style.stop(axes, x, float(curves[number].expected[place]), head, points[x]))
    return stops


def _title(curves: Sequence[TuningCurve], by_time: bool) -> str:
    if len(curves) == 1:
        return f"{curves[0].contender.name} by {'time spent on tuning' if by_time else 'number of trials'}"
    leads = leads_by_time(curves) if by_time else leads_by_trials(curves)
    name = leads[-1].curve.contender.name
    if len(leads) == 1:
        return f"{name} leads {'at every tuning time' if by_time else 'from the first trial on'}"
    start = f"{duration(leads[-1].start)} of tuning" if by_time else f"trial {leads[-1].start:.0f}"
    return f"{name} leads from {start} on, {mid_sentence(leads[-2].curve.contender.name)} before"


def _draw(curves: Sequence[TuningCurve], title: str, by_time: bool) -> Chart:
    name = f"tuning-by-{'time' if by_time else 'trials'}"
    styles = [(c.contender.name, c.contender.style) for c in curves]
    with style.house_style([name for name, _ in styles]) as axes:
        for curve, (_, look) in zip(curves, styles, strict=True):
            colour, x = style.COLOURS[look % 4], _x(curve, by_time)
            low, high = zip(*curve.intervals, strict=True)
            axes.fill_between(x, low, high, color=colour, alpha=0.14, linewidth=0)
            axes.plot(x, curve.expected, color=colour, linewidth=1.9, dashes=style.DASHES[look % 4] or (None, None))
        axes.set(xlabel="time spent on tuning" if by_time else "trials", ylabel="")
        if by_time:
            ends = [x for curve in curves for x in _x(curve, by_time)]
            style.log_axis(axes, ends, style.tick_seconds, style.NICE_SECONDS)
        else:
            axes.xaxis.set_major_locator(MaxNLocator(7, integer=True, min_n_ticks=1))
        style.percent_axis(axes)
        last = [(_x(c, by_time)[-1], float(c.expected[-1])) for c in curves]
        end_labels(axes, [(*end, *look) for end, look in zip(last, styles, strict=True)])
        svg = style.finish(axes, name)
        caption = f"{CAPTION} {weights_line([c.contender for c in curves])}".strip()
        return Chart(name, title, caption, styles, svg, _stops(axes, curves, by_time))


def tuning_charts(curves: Sequence[TuningCurve]) -> list[Chart]:
    """The expected accuracy by trials and by time; nothing if no model had two trials."""
    shown = [c for c in curves if len(c.expected) > 1]
    if not shown:
        return []
    return [_draw(shown, _title(shown, by_time), by_time) for by_time in (False, True)]
