"""Invented results with their reports, and a real browser, each made once per test process, and the command."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from reports.page import build
from tests.factories.results import TEN_CLASSES, make_dataset, make_examples
from tests.forked import ROOT, Done, Forkserver

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of car-bicycle and imagenette with both reports and the index. Tests only read them."""
    folder = tmp_path_factory.mktemp("examples") / "results"
    make_examples(folder)
    build(folder)
    return folder


@pytest.fixture(scope="session")
def five_seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four models, five seeds, ten classes, 3,925 test images: the size of Imagenette."""
    folder = tmp_path_factory.mktemp("five") / "results"
    make_dataset(folder, "imagenette", TEN_CLASSES, seeds=5, test=3925)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium. The test is skipped if none is installed."""
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., tuple[Page, list[str]]]]:
    """A function that opens a file in a new page and returns the page and its problems.

    Problems are console messages, errors, dialogs and network requests, in the order in which they occur.
    """
    pages = []

    def open_page(path: Path, scheme: str = "light", width: int = 1280, **more: object) -> tuple[Page, list[str]]:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, **more)
        pages.append(page)
        problems: list[str] = []
        page.on("console", lambda m: problems.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda e: problems.append(f"error: {e}"))
        page.on("dialog", lambda d: (problems.append(f"dialog: {d.message}"), d.dismiss()))
        page.on(
            "request", lambda r: None if r.url.startswith(("file:", "data:")) else problems.append(f"request: {r.url}")
        )
        page.goto(path.resolve().as_uri())
        return page, problems

    yield open_page
    for page in pages:
        page.close()


@pytest.fixture(scope="session")
def reports(command_server: Forkserver) -> Callable[..., Done]:
    """A function that runs `reports ARGUMENTS`."""

    def run(*arguments: str | Path, columns: int = 120) -> Done:
        environment = {"PYTHONPATH": str(ROOT), "COLUMNS": str(columns)}
        return command_server.run("reports", *map(str, arguments), cwd=ROOT, environment=environment)

    return run
