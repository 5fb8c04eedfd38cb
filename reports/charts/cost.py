"""Accuracy against what it costs: training time, parameters, FLOPs, energy."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import seaborn as sns
from matplotlib.axes import Axes

from reports.charts import style
from reports.charts.labels import point_labels
from reports.charts.style import Chart
from reports.charts.svg import INK, PAPER
from reports.study import Comparison, Contender, ExclusionReason, RunGroup, pareto, weights_line
from reports.words import PERCENT, big, duration, mid_sentence, percent, points


@dataclass(frozen=True)
class Price:
    """One cost: `amount` follows a value in a title, `less` says what a cheaper model needs; None if not measured."""

    key: str
    label: str
    amount: str
    less: str
    show: Callable[[float], str]
    of: Callable[[RunGroup], float | None]


TRAINING_TIME = Price(
    "seconds", "training time, feature pass included", "of training time", "less training time", duration,
    lambda group: group.training_seconds or None,
)  # fmt: skip
OTHER_PRICES = (
    Price("parameters", "parameters", "parameters", "fewer parameters", big,
          lambda group: group.example.model.parameters_total or None),
    Price("flops", "FLOPs per image, forward", "FLOPs per image", "fewer FLOPs per image", big,
          lambda group: group.example.model.flops_per_image or None),
    Price("joules", "energy of the run, J", "of energy", "less energy", lambda v: big(v, "J"),
          lambda group: group.energy_joules),
)  # fmt: skip
Priced = list[tuple[Contender, float]]
SAME_DATA = (ExclusionReason.OTHER_RECIPE, ExclusionReason.OTHER_CONDITIONS)


def _title(comparison: Comparison, priced: Priced, price: Price) -> str:
    """The best of the decision against the cheapest; neutral if nothing is recommended."""
    above = [(c, p) for c, p in priced if c in comparison.above_floor]
    if comparison.decision.choice is None or comparison.best not in [c for c, _ in above]:
        return f"Accuracy by {price.label.split(',')[0]}"
    (cheapest, low), (top, high) = min(above, key=lambda r: r[1]), above[0]
    if cheapest is top or low == high:
        scope = "" if len(above) == len(priced) else "Of the models that can be recommended, "
        name = mid_sentence(top.name) if scope else top.name
        return f"{scope}{name} is the most accurate, and none needs {price.less}"
    gap = points(top.accuracy - cheapest.accuracy)
    cheaper = f"{mid_sentence(cheapest.name)} needs {price.show(low)} and is {gap} less accurate"
    return f"{top.name} needs {price.show(high)} {price.amount}; {cheaper}"


def judged_on(comparison: Comparison) -> str:
    """The accuracy by which the contenders are judged, in words."""
    if comparison.few_clean:
        return "test accuracy on all images"
    if images := comparison.clean_images:
        return f"test accuracy on the {images:,} clean images"
    return "test accuracy"


def _caption(comparison: Comparison) -> str:
    over = "seeds (t)" if any(c.seed_interval for c in comparison.contenders) else "test images (Wilson)"
    caption = f"Bars: 95{PERCENT} interval over {over}. Dashed line: no other model is both better and cheaper."
    if comparison.few_clean:
        caption = f"On all test images, which is too optimistic for pretrained models. {caption}"
    if comparison.clean_images:
        caption = f"On the {comparison.clean_images:,} test images that are new to the pretrained weights. {caption}"
    return f"{caption} {weights_line(comparison.contenders)}".strip()


def _draw_contenders(axes: Axes, priced: Priced) -> list[tuple[float, float]]:
    """A mark with its interval for each contender, and a dashed line along the Pareto front; the line's corners."""
    front = [priced[i] for i in pareto([p for _, p in priced], [c.accuracy for c, _ in priced])]
    axes.plot([p for _, p in front], [c.accuracy for c, _ in front], drawstyle="steps-post",
              color=INK, linewidth=0.9, linestyle=(0, (2, 2)), alpha=0.6, zorder=1)  # fmt: skip
    for c, p in priced:
        look = style.style_of(c.style)
        axes.vlines(p, *c.interval, color=look["color"], linewidth=1.6)
        filled = look["markerfacecolor"] == look["color"]
        sns.scatterplot(x=[p], y=[c.accuracy], ax=axes, color=look["markerfacecolor"], marker=look["marker"], s=52,
                        edgecolor=PAPER if filled else look["color"], linewidth=0.4 if filled else 1.3,
                        legend=False, zorder=3)  # fmt: skip
    corners = [(p, c.accuracy) for c, p in front]
    return [point for (x, y), (next_x, _) in pairwise(corners) for point in ((x, y), (next_x, y))] + corners[-1:]


def _draw_other_recipes(axes: Axes, comparison: Comparison, price: Price) -> list[tuple[float, float]]:
    """A small circle for each other recipe of a contender's model; where they are."""
    colours = {c.group.example.model.name: style.style_of(c.style)["color"] for c in reversed(comparison.contenders)}
    places = []
    for group, exclusion in comparison.excluded.items():
        if exclusion.reason in SAME_DATA and (p := price.of(group)):
            colour = colours.get(group.example.model.name, INK)
            axes.plot(p, group.accuracy, "o", markersize=3.5, markerfacecolor="none", color=colour, alpha=0.7)
            places.append((p, group.accuracy))
    return places


def accuracy_by_cost(comparison: Comparison, price: Price) -> Chart | None:
    """Accuracy against a price on a log axis, with intervals and the Pareto front; None for fewer than two points."""
    priced = [(c, p) for c in comparison.contenders if (p := price.of(c.group))]
    if len(priced) < 2:
        return None
    name = f"accuracy-by-{price.key}"
    with style.house_style() as axes:
        circles = _draw_other_recipes(axes, comparison, price)
        line = _draw_contenders(axes, priced)
        prices = [p for p, _ in circles] + [p for _, p in priced]
        axes.set(xlabel=price.label, ylabel="")
        axes.margins(y=0.12)
        is_time = price is TRAINING_TIME
        limits = [min(prices) / 1.3, max(prices) * 1.3]
        style.log_axis(axes, limits, style.tick_seconds if is_time else big, style.NICE_SECONDS if is_time else ())
        style.percent_axis(axes)
        bars = [((p, low), (p, high)) for c, p in priced for low, high in [c.interval]]
        point_labels(axes, [(p, c.accuracy, c.name) for c, p in priced], circles, [*bars, *pairwise(line)])
        stops = []
        for place, (c, p) in sorted(enumerate(priced), key=lambda row: row[1][1]):
            low, high = c.interval
            text = f"{percent(c.accuracy)} ({100 * low:.1f}–{100 * high:.1f})"
            stops.append(style.stop(axes, p, c.accuracy, f"{price.show(p)}: {judged_on(comparison)}", [(place, text)]))
        series = [(c.name, c.style) for c, _ in priced]
        return Chart(
            name, _title(comparison, priced, price), _caption(comparison), series, style.finish(axes, name), stops
        )
