"""The built report in a real Chromium: quiet, offline, accessible, readable by pointer, keyboard and on paper."""

import json
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

REPORTS = ("car-bicycle/report.html", "imagenette/report.html", "index.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", REPORTS)
def test_no_accessibility_violations_no_errors_no_requests(results: Path, visit, name: str, scheme: str) -> None:
    page, wrong = visit(results / name, scheme, reduced_motion="reduce")
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = Axe().run(page).response["violations"]
    assert [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in found] == []
    assert wrong == []


@pytest.mark.parametrize("name", REPORTS)
def test_no_sideways_scroll_on_a_phone(results: Path, visit, name: str) -> None:
    page, _ = visit(results / name, width=390)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_loads_within_a_second(results: Path, visit) -> None:
    page, _ = visit(results / "car-bicycle/report.html")
    timing = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert 0 < timing < 1000


def test_hover_reads_the_stored_values(results: Path, visit) -> None:
    page, wrong = visit(results / "car-bicycle/report.html")
    chart = page.locator("#test-accuracy-by-epoch")
    data = json.loads(page.locator("#charts-data").text_content())["test-accuracy-by-epoch"]
    x, _, head, rows = data["stops"][1]
    svg = chart.locator("svg")
    svg.scroll_into_view_if_needed()
    box = svg.bounding_box()
    before = chart.bounding_box()["height"]
    page.mouse.move(box["x"] + x * box["width"] / 344, box["y"] + box["height"] / 2)
    shown = chart.locator(".read").inner_text()
    assert head == "Epoch 2: test accuracy" and head in shown
    assert all(text in shown for _, text in rows)
    assert chart.bounding_box()["height"] == before, "the readout must not move the page"
    runs = [json.loads(p.read_text()) for p in sorted(results.glob("car-bicycle/frozen-vgg-s?/run.json"))]
    mean = sum(r["epochs"][1]["test_accuracy"] for r in runs) / len(runs)
    assert f"Frozen VGG {100 * mean:.1f}\u00a0%" in shown
    assert wrong == []


def test_values_are_readable_by_keyboard(results: Path, visit) -> None:
    page, _ = visit(results / "car-bicycle/report.html")
    for chart in page.locator("figure.chart").all():
        if not chart.is_visible():
            continue
        slider = chart.get_by_role("slider")
        slider.focus()
        slider.press("Home")
        first = slider.get_attribute("aria-valuetext")
        slider.press("ArrowRight")
        assert first and slider.get_attribute("aria-valuetext") != first
        head = chart.locator(".read b").inner_text()
        assert slider.get_attribute("aria-valuetext").startswith(head)


def test_table_sorts_and_filters_by_keyboard(results: Path, visit) -> None:
    page, wrong = visit(results / "car-bicycle/report.html")
    table = page.locator("table.main").nth(1)
    names = lambda: [t.split("\n")[0] for t in table.locator("tbody th:visible").all_inner_texts()]  # noqa: E731
    button = table.get_by_role("button", name="Training time")
    button.focus()
    page.keyboard.press("Enter")
    assert names() == ["Scratch VGG", "Fine-tuned VGG", "Baseline CNN", "Frozen VGG"]
    head = button.locator("..")
    assert head.get_attribute("aria-sort") == "descending"
    page.keyboard.press("Space")
    assert names() == ["Frozen VGG", "Baseline CNN", "Fine-tuned VGG", "Scratch VGG"]
    assert head.get_attribute("aria-sort") == "ascending"
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.locator("#table").get_by_role("searchbox").count() == 2, "only for the long tables of other runs"
    page.get_by_role("searchbox").first.focus()
    page.keyboard.type("baseline")
    others = page.locator("table.main").nth(2)
    assert all("Baseline CNN" in text for text in others.locator("tbody th:visible").all_inner_texts())
    assert page.get_by_role("status").first.inner_text() == "3 of 12 rows"
    assert wrong == []


def test_a_wide_table_keeps_names_heading_and_caption_in_sight(results: Path, visit) -> None:
    page, _ = visit(results / "car-bicycle/report.html", width=390)
    frame = page.get_by_role("region", name="Comparison of cost")
    frame.evaluate("e => { e.scrollLeft = 200; }")
    assert frame.evaluate("e => e.scrollLeft") == 200
    left = frame.bounding_box()["x"]
    for part in ("caption", "thead th >> nth=0", "tbody th >> nth=0"):
        assert frame.locator(part).bounding_box()["x"] == pytest.approx(left), part


def test_pairs_are_chosen_by_hash_and_by_select(results: Path, visit) -> None:
    page, _ = visit(results / "car-bicycle/report.html")
    page.evaluate("location.hash = '#pair-baseline-cnn-frozen-vgg'")
    page.locator("#pair-baseline-cnn-frozen-vgg").wait_for(state="visible")
    assert page.locator("article.pair:visible").count() == 1
    page.get_by_label("Compare", exact=True).select_option(label="Fine-tuned VGG")
    assert page.locator("#pair-baseline-cnn-fine-tuned-vgg").is_visible()
    assert page.url.endswith("#a=0&b=3")


def test_links_within_the_report_lead_somewhere(results: Path, visit) -> None:
    page, _ = visit(results / "car-bicycle/report.html")
    targets = page.eval_on_selector_all("a[href^='#']", "els => els.map(e => e.getAttribute('href').slice(1))")
    assert len(targets) > 15
    assert [t for t in targets if not page.evaluate("id => !!document.getElementById(id)", t)] == []
    ids = page.eval_on_selector_all("[id]", "els => els.map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_print_has_every_chart_light_and_unfolded(results: Path, visit, tmp_path: Path) -> None:
    page, wrong = visit(results / "car-bicycle/report.html", "dark")
    charts = page.locator("figure.chart svg")
    assert charts.count() >= 13
    page.pdf(path=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().count(b"/Type /Page\n") >= 4
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 794, "height": 1123})
    assert page.evaluate("document.documentElement.scrollWidth") <= 794, "A4 holds the whole table"
    sizes = charts.evaluate_all("els => els.map(e => e.getBoundingClientRect().height)")
    assert min(sizes) > 100
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("article.pair").evaluate_all("els => els.every(e => e.offsetHeight > 0)")
    assert wrong == []


@pytest.mark.parametrize(("scheme", "light"), [("light", True), ("dark", False)])
def test_strokes_and_labels_survive_the_policy(results: Path, visit, scheme: str, light: bool) -> None:
    page, _ = visit(results / "car-bicycle/report.html", scheme)
    assert page.locator("svg [style], svg style").count() == 0
    strokes = page.locator("#test-accuracy-by-epoch svg path[stroke]").evaluate_all(
        "els => els.map(e => getComputedStyle(e).stroke)"
    )
    assert {"rgb(0, 114, 178)", "rgb(213, 94, 0)", "rgb(0, 158, 115)", "rgb(204, 121, 167)"} <= set(strokes)
    fills = page.locator("svg text").evaluate_all("els => [...new Set(els.map(e => getComputedStyle(e).fill))]")
    assert len(fills) == 1
    assert all((int(v) < 90) == light for v in fills[0][4:-1].split(","))


def test_reads_without_script(results: Path, visit) -> None:
    page, wrong = visit(results / "car-bicycle/report.html", java_script_enabled=False)
    assert "Epoch 5" in page.locator("#test-accuracy-by-epoch .read").inner_text()
    page.locator("#pairs-h").click()
    assert page.locator("article.pair:visible").count() == 6
    assert page.locator("table.main").first.is_visible()
    assert wrong == []
