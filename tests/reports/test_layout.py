"""The layout as rendered, on a phone and on large screens: nothing clipped, nothing overlaps, all text legible."""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from bench.records import read_runs, write_run
from reports.page import build
from tests.factories.results import TEN_CLASSES, make_dataset, make_tuning

WIDTHS = (390, 800, 1280, 1920)
SMALLEST, LARGEST = 11, 15
"""Pixels of the smallest text of the page and of the largest in a chart."""
SEEN_FROM_AFAR = [f"{name} seen from far away" for name in TEN_CLASSES]

MEASURE = """() => {
  const problems = [], visible = e => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length;
  const name = e => `${e.closest('[id]')?.id}: ${e.tagName} "${e.textContent.trim().slice(0, 40)}"`;
  const box = e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
  const touch = (a, b) => a[0] < b[2] - .5 && b[0] < a[2] - .5 && a[1] < b[3] - .5 && b[1] < a[3] - .5;
  const width = document.documentElement.clientWidth;
  const elements = [...document.body.querySelectorAll('*:not(svg *), svg text')]
    .filter(e => visible(e) && !e.closest('.vh, .skip'));
  for (const e of elements) {
    const scroll = e.closest('.scroll');
    if (!scroll && e.clientWidth && e.scrollWidth > e.clientWidth + 1 && !e.closest('select, input, svg'))
      problems.push(`wider than its box: ${name(e)}`);
    const [left, , right] = box(e);
    if (!scroll && right > left && (left < -1 || right > width + 1)) problems.push(`outside the page: ${name(e)}`);
    if (e === scroll && e.scrollWidth > e.clientWidth + 1) {
      const hint = e.previousElementSibling;
      if (!hint?.matches('.hint') || !visible(hint)) problems.push(`scrolls without a hint: ${name(e)}`);
      if (!getComputedStyle(e).maskImage.includes('gradient')) problems.push(`does not fade: ${name(e)}`);
    }
    if ([...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) {
      const svg = e.closest('svg'), scale = svg ? svg.getScreenCTM().a : 1;
      const size = parseFloat(getComputedStyle(e).fontSize) * scale;
      if (size < SMALLEST) problems.push(`text of ${size.toFixed(1)} px: ${name(e)}`);
      if (svg && size > LARGEST) problems.push(`chart text of ${size.toFixed(1)} px: ${name(e)}`);
    }
  }
  for (const svg of document.querySelectorAll('.chart svg')) {
    if (!visible(svg)) continue;
    // A text's box has room for accents and descenders above and below its letters.
    const texts = [...svg.querySelectorAll('text')].map(e => {
      const [l, t, r, b] = box(e), spare = (b - t) / 6;
      return [e, [l, t + spare, r, b - spare]];
    });
    // Bands are larger than marks.
    const marks = [...svg.querySelectorAll('use')].map(box).filter(b => b[2] - b[0] < 20 && b[3] - b[1] < 20);
    const [left, , right] = box(svg);
    for (const [e, [l, , r]] of texts)
      if (l < left - 4 || r > right + 4) problems.push(`outside its chart: ${name(e)}`);
    texts.forEach(([a, at], i) => {
      for (const [b, place] of texts.slice(i + 1))
        if (touch(at, place)) problems.push(`${name(a)} is on "${b.textContent}"`);
      for (const place of marks) if (touch(at, place)) problems.push(`${name(a)} is on a mark`);
    });
  }
  return problems;
}""".replace("SMALLEST", str(SMALLEST)).replace("LARGEST", str(LARGEST))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of four tuned models with three seeds on ten classes."""
    folder, rng = tmp_path_factory.mktemp("tuned") / "results", random.Random(3)
    make_dataset(folder, "imagenette", TEN_CLASSES, test=1000, epochs=8)
    for place, run in read_runs(folder)[0].items():
        tuning = make_tuning([0.9 + rng.uniform(-0.05, 0.05) for _ in range(10)], run.cost.total_seconds)
        write_run(place, replace(run, tuning=tuning))
    return build(folder)[0]


@pytest.fixture(scope="module")
def one_epoch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of one epoch with one seed, with ten long class names."""
    folder = tmp_path_factory.mktemp("one") / "results"
    make_dataset(folder, "one-epoch", SEEN_FROM_AFAR, seeds=1, test=200, epochs=1)
    return build(folder)[0]


@pytest.fixture(scope="module")
def screen(tuned: Path, browser: Browser) -> Iterator[Page]:
    """The report of `tuned`, opened once for all tests; `set_screen` brings it into a known state."""
    page = browser.new_page()
    page.goto(tuned.as_uri())
    yield page
    page.close()


def set_screen(page: Page, width: int, scheme: str | None = None, is_unfolded: bool = True) -> None:
    """Give a page a width and a colour scheme, and open or fold its details."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("open => document.querySelectorAll('details').forEach(d => d.open = open)", is_unfolded)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.mark.parametrize(("name", "scheme"), [("tuned", "light"), ("one_epoch", "dark"), ("car-bicycle", "light")])
def test_nothing_is_clipped_or_overlaps_and_text_is_legible(
    name: str, scheme: str, results: Path, visit, request: pytest.FixtureRequest
) -> None:
    path = results / name / "report.html" if name == "car-bicycle" else request.getfixturevalue(name)
    page, wrong = visit(path, scheme)
    for width in WIDTHS:
        set_screen(page, width, scheme)
        assert page.evaluate(MEASURE) == [], f"{width} px, {scheme}"
    assert wrong == []


def test_the_measurement_finds_what_it_looks_for(one_epoch: Path, visit) -> None:
    page, _ = visit(one_epoch, width=390)
    page.evaluate("""() => {
      document.querySelector('h1').textContent = 'x'.repeat(200);
      document.querySelector('h1').style.whiteSpace = 'nowrap';
      document.querySelector('h2').style.width = '900px';
      document.querySelector('.hint:not([hidden])').remove();
      document.querySelectorAll('.chart text')[0].setAttribute('font-size', 9);
      document.querySelectorAll('.chart text')[1].setAttribute('font-size', 40);
    }""")
    found = " ".join(page.evaluate(MEASURE))
    for problem in ("wider than its box", "outside the page", "without a hint", "px: ", "chart text of", " is on "):
        assert problem in found, problem


def test_a_phone_shows_the_report_in_less_than_8000_pixels(screen: Page) -> None:
    set_screen(screen, 390, is_unfolded=False)
    assert screen.evaluate("document.documentElement.scrollHeight") < 8000
    assert screen.locator("#verdict, #table, #curves, #cost").evaluate_all("els => els.every(e => e.checkVisibility())")


@pytest.mark.parametrize("java_script", [True, False])
def test_a_link_opens_the_folded_section_that_it_leads_to(java_script: bool, tuned: Path, visit) -> None:
    page, _ = visit(tuned, java_script_enabled=java_script)
    assert not page.locator("#confusion").is_visible()
    page.get_by_role("navigation").get_by_role("link", name="Confusion").click()
    page.locator("#confusion").wait_for(state="visible")
    assert page.locator("#confusion-h").is_visible()
    assert page.locator("#confusion-h").bounding_box()["y"] >= 0, "the heading is in sight"


def test_print_shows_what_is_folded_and_folds_it_again(screen: Page, one_epoch: Path, visit) -> None:
    set_screen(screen, 1280, is_unfolded=False)
    folded = screen.locator("details:not([open])").count()
    screen.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert screen.locator("details:not([open])").count() == 0
    screen.evaluate("dispatchEvent(new Event('afterprint'))")
    assert screen.locator("details:not([open])").count() == folded > 5
    plain, _ = visit(one_epoch, java_script_enabled=False)
    plain.emulate_media(media="print")
    heights = plain.locator(".fold > details > div").evaluate_all(
        "els => els.map(e => e.getBoundingClientRect().height)"
    )
    assert min(heights) > 20 and len(heights) > 5


def test_the_comparison_tables_fit_on_a_screen(screen: Page) -> None:
    set_screen(screen, 1280)
    tables = screen.locator("#table > .scroll")
    assert tables.count() == 2
    assert tables.evaluate_all("els => els.every(e => e.scrollWidth <= e.clientWidth)")


def test_a_confusion_matrix_of_ten_classes_fits_on_a_phone(screen: Page) -> None:
    set_screen(screen, 390)
    matrices = screen.locator(".scroll:has(> .matrix)")
    assert matrices.count() == 4
    assert matrices.evaluate_all("els => els.every(e => e.scrollWidth <= e.clientWidth)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_diagonal_is_not_grey_on_grey(scheme: str, screen: Page) -> None:
    set_screen(screen, 1280, scheme)
    ink, tint, paper, weight = screen.locator(".matrix .diag").first.evaluate(
        "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor, getComputedStyle(document.body)"
        ".backgroundColor, getComputedStyle(e).fontWeight]"
    )
    *colour, alpha = rgb(tint)
    behind = [c * alpha + p * (1 - alpha) for c, p in zip(colour, rgb(paper), strict=True)]
    assert max(behind) - min(behind) > 25, "a colour"
    assert contrast(rgb(ink), behind) >= 7
    assert int(weight) >= 600


def rgb(text: str) -> list[float]:
    """The numbers of a CSS colour."""
    return [float(v) for v in text.split("(")[1].rstrip(")").split(",")]


def contrast(a: list[float], b: list[float]) -> float:
    """The contrast of two colours (WCAG 2)."""
    linear = [[v / 255 / 12.92 if v <= 10.31 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in c] for c in (a, b)]
    light, dark = sorted((0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in linear), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_time_bar_has_a_legend_of_at_most_four_shades(scheme: str, screen: Page) -> None:
    set_screen(screen, 1280, scheme)
    svg = screen.locator("#time-breakdown svg")
    texts = svg.locator("text").all_text_contents()
    assert texts[:4] == ["feature pass", "training", "evaluation", "the rest"]
    shades = svg.locator("path").evaluate_all(
        "els => els.filter(e => getComputedStyle(e).fill !== 'none').map(e => [getComputedStyle(e).fill, "
        "getComputedStyle(e).opacity])"
    )
    legend = shades[:4]
    ink = screen.evaluate("getComputedStyle(document.body).color")
    assert {fill for fill, _ in legend} == {ink}, "visible in light and dark"
    strengths = sorted(float(opacity) for _, opacity in legend)
    assert min(b - a for a, b in pairwise(strengths)) > 0.15
    assert {opacity for _, opacity in shades} == {opacity for _, opacity in legend}


def test_one_epoch_has_sensible_axes(one_epoch: Path, visit) -> None:
    page, _ = visit(one_epoch)
    for chart, unit in (("test-accuracy-by-epoch", None), ("test-accuracy-by-seconds", ("s", "min", "h"))):
        texts = page.locator(f"#{chart} svg text").all_text_contents()
        percents = [t for t in texts if t.endswith("%")]
        assert len(set(percents)) == len(percents) >= 3 and not any("." in t for t in percents), percents
        if unit:
            times = [t for t in texts if t.split(" ")[-1] in unit and t[0].isdigit()]
            assert len(set(times)) == len(times) >= 2, texts
        else:
            assert texts.count("1") == 1, texts


def test_every_reading_of_an_accuracy_says_which_it_is(tuned: Path, results: Path) -> None:
    for path in (tuned, results / "car-bicycle/report.html"):
        found = re.search(r'id="charts-data">(.*?)</script>', path.read_text(), re.S)
        assert found
        for name, chart in json.loads(found[1]).items():
            if name not in ("calibration", "coverage", "time-breakdown"):
                heads = [head for _, _, head, _ in chart["stops"]]
                assert all(" accuracy" in head or " loss" in head for head in heads), (name, heads[:2])
