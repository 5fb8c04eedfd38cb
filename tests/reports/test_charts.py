"""The house style: ticks and labels that are correct and do not touch, SVG without styles or scripts."""

import re
from itertools import combinations, pairwise, product

import numpy as np
import pytest
from matplotlib.figure import Figure

from reports import words
from reports.charts import labels, style, svg


def axes_of(low: float, high: float):
    axes = Figure(figsize=(style.WIDTH / 72, style.HEIGHT / 72), dpi=72).add_subplot()
    axes.set_ylim(low, high)
    return axes


@pytest.mark.parametrize("low", [0.0, 0.3, 0.842, 0.9, 0.951, 0.97])
@pytest.mark.parametrize("span", [0.004, 0.012, 0.03, 0.05, 0.11, 0.15, 0.3, 0.9])
def test_percent_labels_are_the_values_of_their_ticks(low: float, span: float) -> None:
    axes = axes_of(low, min(1.0, low + span))
    style.percent_axis(axes)
    show = axes.yaxis.get_major_formatter()
    for tick in axes.get_yticks():
        assert float(show(tick, 0).rstrip("\u00a0%")) == pytest.approx(100 * tick, abs=0.001)


@pytest.mark.parametrize("times", [(0.5, 9), (18, 312), (66, 85), (60, 61), (300, 90_000), (0.02, 40_000)])
def test_times_have_round_ticks_that_do_not_touch(times: tuple[float, float]) -> None:
    axes = axes_of(0, 1)
    style.log_axis(axes, times, style.tick_seconds, style.NICE_SECONDS)
    ticks = sorted(axes.get_xticks())
    show = axes.xaxis.get_major_formatter()
    assert len(ticks) >= 2
    assert all(len(show(t, 0)) <= 7 for t in ticks), [show(t, 0) for t in ticks]
    places = [axes.transData.transform((t, 0))[0] for t in ticks]
    assert min(b - a for a, b in pairwise(places)) > 40


def test_labels_are_nudged_apart_within_the_frame_and_keep_their_order() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        wanted = list(rng.uniform(0, 180, 8) * rng.choice([0.1, 1.0]))
        placed = labels.nudged(wanted, 12, 0, 180)
        assert np.diff(np.sort(placed)).min() > 11.5
        assert min(placed) >= -1 and max(placed) <= 181
        assert list(np.argsort(placed, kind="stable")) == list(np.argsort(wanted, kind="stable"))


@pytest.mark.parametrize("seed", range(20))
def test_point_labels_touch_neither_each_other_nor_a_mark_nor_a_bar(seed: int) -> None:
    rng = np.random.default_rng(seed)
    axes = axes_of(0.8, 1.0)
    axes.set_xlim(0, 100)
    names = ["Frozen VGG", "Fine-tuned VGG", "Scratch VGG", "Baseline CNN", "vgg11_bn, width 0.25, lr 0.001"][
        : 3 + seed % 3
    ]
    spread = rng.choice([0.02, 0.15])
    points = [(rng.uniform(5, 95), 0.9 + rng.uniform(-spread, spread) / 2, name) for name in names]
    bars = [((x, y - 0.01), (x, y + 0.01)) for x, y, _ in points]
    circles = [(rng.uniform(5, 95), rng.uniform(0.82, 0.98)) for _ in range(4)]
    labels.point_labels(axes, points, circles, bars)
    frame, boxes = axes.get_window_extent(), []
    for text in axes.texts:
        (x, y), width = text.get_position(), style.text_width(text.get_text())
        left = x - width * {"left": 0, "center": 0.5, "right": 1}[text.get_ha()]
        boxes.append((left, y - labels.TEXT, left + width, y + labels.TEXT))
    assert len(boxes) == len(names)
    assert all(frame.x0 - 0.1 <= box[0] and box[2] <= frame.x1 + 0.1 for box in boxes)
    marks = [(x - 3, y - 3, x + 3, y + 3) for x, y in labels.axes_points(axes, [p[:2] for p in points] + circles)]
    for box, other in [*combinations(boxes, 2), *product(boxes, marks)]:
        assert not (box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3])


@pytest.mark.parametrize("value", [0.004, 0.37, 0.9, 1.4, 23, 33, 59, 61, 143, 2900, 40_000, 400_000])
def test_one_time_alone_has_two_ticks(value: float) -> None:
    axes = axes_of(0, 1)
    style.log_axis(axes, [value], style.tick_seconds, style.NICE_SECONDS)
    ticks = axes.get_xticks()
    assert len(ticks) >= 2 and len({style.tick_seconds(t) for t in ticks}) == len(ticks)
    assert ticks.max() / ticks.min() < 12


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4993, 0.5, 0.995, 1.0])
def test_one_accuracy_alone_has_different_ticks_in_whole_percent(share: float) -> None:
    axes = axes_of(0, 1)
    axes.plot([1], [share])
    axes.autoscale(axis="y")
    style.percent_axis(axes)
    shown = [axes.yaxis.get_major_formatter()(t, 0) for t in axes.get_yticks()]
    low, high = axes.get_ylim()
    inside = [text for text, t in zip(shown, axes.get_yticks(), strict=True) if low <= t <= high]
    assert len(set(inside)) == len(inside) >= 3 and not any("." in text for text in inside)
    assert low <= share <= high and low >= 0 and high <= 1.0041


def test_svg_has_no_inline_style_and_uses_the_colours_of_the_page() -> None:
    with style.house_style() as axes:
        axes.plot([0, 1], [0, 1], color="#0072B2", linestyle=(0, (5, 2)))
        axes.text(0.5, 0.5, "<script>alert(1)</script> $x$")
        text = str(style.finish(axes, "one"))
    assert "style=" not in text and "<style" not in text and "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; $x$" in text
    assert 'stroke="#0072b2"' in text and "stroke-dasharray" in text and "currentColor" in text
    assert set(re.findall(r"<(\w+)", text)) <= svg.TAGS
    assert all(name.startswith("one-") for name in re.findall(r'id="([^"]+)"', text))
    assert set(re.findall(r"(?:url\(|href=\")#([\w.-]+)", text)) <= set(re.findall(r'id="([^"]+)"', text))


def test_svg_rejects_unknown_elements() -> None:
    figure = Figure(figsize=(2, 2), dpi=72)
    figure.add_subplot().set_title("link").set_url("javascript:alert(1)")
    with pytest.raises(ValueError, match="unexpected <a>"):
        svg.to_svg(figure, "two")


def test_numbers_have_units_and_few_digits() -> None:
    durations = ["10 ms", "0.50 s", "9.0 s", "66 s", "2.2 min", "2.0 h"]
    assert [words.duration(s) for s in (0.01, 0.5, 9, 66, 130, 7200)] == durations
    assert [words.big(n) for n in (134_268_738, 21_137_729, 481e6, 950)] == ["134 M", "21.1 M", "481 M", "950"]
    assert words.percent(0.99999) == "99.9\u00a0%" and words.percent(1.0) == "100.0\u00a0%"
    assert words.percent(0.8625) == words.percent(np.mean([0.8625, 0.8625])) == "86.3\u00a0%"
    assert words.signed(-0.0312) == "−3.1" and words.signed(0.00001) == "0.0"
    assert words.points(0.01) == "1.0 point" and words.points(-0.021) == "2.1 points"
    assert words.clean("a\u202eb\x00c" + "d" * 400) == "a\ufffdb\ufffdc" + "d" * 294 + "…"
