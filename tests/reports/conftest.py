"""Stored results, built reports and a real browser, each made once."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from reports import page
from tests.example_results.make import NETTE, make_dataset

EXAMPLES = Path(__file__).parents[1] / "example_results"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the stored results with both reports and the index built."""
    copy = tmp_path_factory.mktemp("reports") / "results"
    shutil.copytree(EXAMPLES, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    page.build(copy)
    return copy


@pytest.fixture(scope="session")
def five_seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four models, five seeds, ten classes, 3,925 test images: what Imagenette gives."""
    folder = tmp_path_factory.mktemp("five") / "results"
    make_dataset(folder, "imagenette", NETTE, seeds=5, test=3925)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., tuple[Page, list[str]]]]:
    """Open a file in a fresh page; gives the page and a list of everything that went wrong on it, requests included."""
    pages = []

    def opened(path: Path, scheme: str = "light", width: int = 1280, **more: object) -> tuple[Page, list[str]]:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, **more)
        pages.append(page)
        wrong: list[str] = []
        page.on("console", lambda m: wrong.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda e: wrong.append(f"error: {e}"))
        page.on("dialog", lambda d: (wrong.append(f"dialog: {d.message}"), d.dismiss()))
        page.on(
            "request", lambda r: None if r.url.startswith(("file:", "data:")) else wrong.append(f"request: {r.url}")
        )
        page.goto(path.resolve().as_uri())
        return page, wrong

    yield opened
    for shown in pages:
        shown.close()
