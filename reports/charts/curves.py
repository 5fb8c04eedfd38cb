"""Accuracy and loss by epoch and by training time."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from reports.charts import style
from reports.charts.labels import end_labels
from reports.charts.style import Chart, Row, Stop
from reports.study import Comparison, Contender, elapsed, late_gain, share_interval, t_interval, weights_line
from reports.words import PERCENT, duration, listed, percent, plural

MEASURES = {
    "test_accuracy": ("Test accuracy", "Accuracy on the test images."),
    "val_accuracy": ("Validation accuracy", "Accuracy on the validation images, which are kept out of training."),
    "train_accuracy": ("Training accuracy", "Accuracy on the training images, measured during training."),
    "test_loss": ("Test loss", "Lower is better."),
    "val_loss": ("Validation loss", "Lower is better."),
    "train_loss": ("Training loss", "Lower is better; includes regularisation."),
}
ACCURACIES = ("test_accuracy", "val_accuracy")
"""What the main charts show: the first that most models record for every epoch."""


@dataclass(frozen=True)
class Curve:
    """One measure of the epochs of all contenders that record it, against `epoch` or `seconds`.

    `frame` is tidy: model, seed, epoch, seconds (of the seed), x (of the contender) and y, a row per seed and epoch.
    """

    measure: str
    against: str
    contenders: list[Contender]
    frame: pd.DataFrame

    @property
    def is_rate(self) -> bool:
        """Whether the measure is a share rather than a loss."""
        return self.measure.endswith("accuracy")

    @cached_property
    def points(self) -> list[tuple[float, float, int, int, list[float]]]:
        """(x, mean, contender, epoch, values by seed) for every point of a mean."""
        rows = []
        for place, c in enumerate(self.contenders):
            for epoch, part in self.frame[self.frame["model"] == c.name].groupby("epoch"):
                values = part["y"].tolist()
                rows.append((float(part["x"].iloc[0]), float(np.mean(values)), place, int(str(epoch)), values))
        return rows


def epochs_frame(contenders: list[Contender]) -> pd.DataFrame:
    """All epochs of all contenders, tidy: a row per model, seed and epoch, cut to the shortest run of the model."""
    rows = []
    for c in contenders:
        length = min(len(run.epochs) for run in c.group.runs)
        numbers = [e.epoch for e in c.group.example.epochs[:length]]
        for run in c.group.runs:
            for number, epoch, seconds in zip(numbers, run.epochs, elapsed(run), strict=False):
                measures = {key: getattr(epoch, key) for key in MEASURES}
                rows.append({"model": c.name, "seed": run.seed, "epoch": number, "seconds": seconds, **measures})
    return pd.DataFrame(rows, columns=["model", "seed", "epoch", "seconds", *MEASURES])


def _curve(epochs: pd.DataFrame, contenders: list[Contender], measure: str, against: str) -> Curve:
    frame = epochs.assign(y=epochs[measure].astype(float))
    by_epoch = frame.groupby(["model", "epoch"])
    frame["x"] = by_epoch["seconds"].transform("mean") if against == "seconds" else frame["epoch"].astype(float)
    recorded = {str(name) for name, rows in frame.groupby("model") if np.isfinite(rows["y"]).all()}
    shown = [c for c in contenders if c.name in recorded]
    return Curve(measure, against, shown, frame[frame["model"].isin(recorded)])


def _set_axes(axes: Axes, curve: Curve) -> None:
    if curve.against == "epoch":
        axes.set(xlabel="epoch", ylabel="")
        axes.xaxis.set_major_locator(MaxNLocator(7, integer=True, min_n_ticks=1))
    else:
        axes.set(xlabel="training time, feature pass included", ylabel="")
        style.log_axis(axes, [max(x, 1e-3) for x, *_ in curve.points], style.tick_seconds, style.NICE_SECONDS)
    if curve.is_rate:
        style.percent_axis(axes)
    else:
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(lambda v, _: f"{v:g}")


def _stops(axes: Axes, curve: Curve) -> list[Stop]:
    show: Callable[[float], str] = percent if curve.is_rate else lambda v: f"{v:.3f}"
    measure = MEASURES[curve.measure][0].lower()
    points = [
        (x, y, epoch, (place, style.interval_text(by_seed, show))) for x, y, place, epoch, by_seed in curve.points
    ]
    if curve.against == "seconds":
        return [
            style.stop(axes, x, y, f"After {duration(x)}, epoch {n}: {measure}", [row])
            for x, y, n, row in sorted(points)
        ]
    by_epoch: dict[int, list[Row]] = {}
    for _, _, epoch, row in points:
        by_epoch.setdefault(epoch, []).append(row)
    return [style.stop(axes, n, None, f"Epoch {n}: {measure}", by_epoch[n]) for n in sorted(by_epoch)]


def _draw(curve: Curve, title: str, caption: str) -> Chart | None:
    if not curve.contenders:
        return None
    name = f"{curve.measure.replace('_', '-')}-by-{curve.against}"
    styles = {c.name: c.style for c in curve.contenders}
    last = {place: (x, y) for x, y, place, *_ in curve.points}
    with style.house_style(styles) as axes:
        style.draw_seeds(axes, curve.frame.assign(x=curve.frame[curve.against]), styles)
        style.draw_lines(axes, curve.frame, styles, share_interval if curve.is_rate else t_interval)
        _set_axes(axes, curve)
        end_labels(axes, [(*last[place], c.name, c.style) for place, c in enumerate(curve.contenders)])
        return Chart(name, title, caption, list(styles.items()), style.finish(axes, name), _stops(axes, curve))


def _seeds_line(contenders: list[Contender]) -> str:
    numbers = {len(c.group.runs) for c in contenders}
    if max(numbers) == 1:
        return "One seed each, so there is no band."
    seeds = plural(max(numbers), "seed") if len(numbers) == 1 else f"{min(numbers)} to {max(numbers)} seeds"
    thin = "thin lines are seeds, thick lines their mean" if max(numbers) <= style.MOST_THIN else "lines are the mean"
    ends = "" if _is_equally_long(contenders) else " Lines end where the first seed stopped."
    return f"{seeds}: {thin}, bands 95{PERCENT} t-intervals.{ends}"


def _is_equally_long(contenders: list[Contender]) -> bool:
    return all(len({len(run.epochs) for run in c.group.runs}) == 1 for c in contenders)


def _titles(contenders: list[Contender], name: str) -> dict[str, str]:
    """Titles of the two charts of the accuracy called `name`, which say what they show."""
    improving = [c.name for c in contenders if late_gain(c.group)]
    who = listed(improving) if len(improving) < 3 else f"{len(improving)} of {len(contenders)} models"
    verb = "was" if len(improving) == 1 else "were"
    fastest = min(contenders, key=lambda c: c.group.training_seconds)
    return {
        "epoch": f"{who} {verb} still improving at the last epoch" if improving else f"{name} by epoch",
        "seconds": f"{fastest.name} finished training after {duration(fastest.group.training_seconds)}",
    }


def learning_charts(comparison: Comparison) -> tuple[list[Chart], list[Chart]]:
    """Test accuracy, or else validation accuracy, by epoch and by time; and likewise the other measures."""
    contenders = comparison.contenders
    if not contenders:
        return [], []
    epochs = epochs_frame(contenders)
    measured = {m: epochs.groupby("model")[m].apply(lambda y: y.notna().all()).sum() for m in ACCURACIES}
    leading = max(ACCURACIES, key=lambda measure: measured[measure])
    titles = _titles(contenders, MEASURES[leading][0])
    has_seen = leading == "test_accuracy" and comparison.clean_images
    scope = "All test images count, also those of the pretraining set. " if has_seen else ""
    ending = f"{scope}{_seeds_line(contenders)} {weights_line(contenders)}".strip()
    charts: dict[str, list[Chart]] = {measure: [] for measure in MEASURES}
    for measure, (name, caption) in MEASURES.items():
        for against, by in (("epoch", "epoch"), ("seconds", "time")):
            title = titles[against] if measure == leading else f"{name} by {by}"
            if chart := _draw(_curve(epochs, contenders, measure, against), title, f"{caption} {ending}"):
                charts[measure].append(chart)
    main = charts.pop(leading)
    return main, [chart for more in charts.values() for chart in more]
