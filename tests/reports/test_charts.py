"""The house style: ticks and labels that are correct and do not touch, SVG without styles or scripts."""

import re
from itertools import combinations, pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure

from reports import words
from reports.charts import labels, style, svg


def axes_of(low: float, high: float):
    axes = Figure(figsize=(style.WIDTH, style.HEIGHT), dpi=72).add_subplot()
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


def test_point_labels_touch_neither_each_other_nor_a_mark() -> None:
    axes = axes_of(0.8, 1.0)
    axes.set_xlim(0, 100)
    points = [
        (10, 0.94, "Frozen VGG"),
        (90, 0.96, "Fine-tuned VGG"),
        (60, 0.87, "Scratch VGG"),
        (45, 0.869, "Baseline CNN"),
    ]
    labels.point_labels(axes, points, [(y - 0.01, y + 0.01) for _, y, _ in points])
    boxes = []
    for text in axes.texts:
        x, y = text.get_position()
        width = 5.4 * len(text.get_text())
        boxes.append(
            (
                x if text.get_ha() == "left" else x - width,
                y,
                (x if text.get_ha() == "left" else x - width) + width,
                y + 9,
            )
        )
    assert len(boxes) == 4
    for a, b in combinations(boxes, 2):
        assert not (a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3])


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
