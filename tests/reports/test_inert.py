"""Whatever text a record holds, in any field: the page stays inert, and nothing shows a home directory."""

import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from bench.records import RunStatus, StopReason, Trial, TrialStatus, Tuning, read_run, write_run
from reports import page
from reports.export import export
from reports.study import Comparison, compare_study, load_study
from tests.factories.results import BASELINE, FROZEN, Variant, make_facts, make_run

CHECKED = {"schema", "status", "stop", "created", "manifest_sha256", "kind", "picture", "file", "truth", "predicted"}
"""Keys whose values a record cannot choose freely; class names are filled by `make_results`."""
SHAPING = {"arch", "size", "epochs", "name"}
"""Keys that decide which runs are compared: they keep the start of their value."""
MARKUP = "<x-evil onclick=alert(1) src=//evil.example>\"'></script><x-evil>&lt;`[x](javascript:alert(1)) "


def make_results(folder: Path, text: str) -> Path:
    """Results in which every text that a record can choose, and most keys, begin with `text`: one finished run of two
    models, one that failed, one that cannot be read, and the dataset's facts.
    """
    classes = [f"{text}{name}".replace("/", "|") for name in ("a", "b")]
    tried = [Trial(i, {"lr": 0.1}, TrialStatus.COMPLETE, 0.8, 1.0) for i in range(3)]
    variant = Variant(stop=StopReason.FLAT, tuning=Tuning(3, 3.0, {"lr": 0.1}, 0.8, "20", tried))
    for profile in (FROZEN, BASELINE):
        run = make_run(folder, "ds", classes, profile, 1, test=20, epochs=2, variant=variant)
    make_facts(folder, run)
    failed = folder / "ds/failed"
    failed.mkdir()
    write_run(
        failed, replace(run, run="failed", seed=2, result=replace(run.result, status=RunStatus.FAILED, reason=""))
    )
    (folder / "ds" / text.replace("/", "|")[:100]).mkdir()
    (folder / "ds" / text.replace("/", "|")[:100] / "run.json").write_text(json.dumps({"schema": text}))
    for path in (folder / "ds").rglob("*.json"):
        values = json.loads(path.read_text())
        if path.name == "run.json":
            values |= {"notes": ["note"], "command": "command"}
        if path.parent == failed:
            values["result"]["reason"] = "reason"
        path.write_text(json.dumps(filled(values, text)))
    return folder


def filled(value: Any, text: str, key: str = "") -> Any:
    """JSON in which texts begin with `text`, and so do the keys of tables that may have any key."""
    if isinstance(value, dict):
        free = key in ("recipe", "breakdown", "sources", "licenses", "rejected", "floors", "values", "chosen")
        more = {f"{text} key of {key}": next(iter(value.values()))} if free and value else {}
        return {k: filled(v, text, k) for k, v in (value | more).items()}
    if isinstance(value, list):
        return value if key == "classes" else [filled(item, text, key) for item in value]
    if not isinstance(value, str) or key in CHECKED:
        return value
    return f"{value} {text}" if key in SHAPING else f"{text} {value}"


class Page(HTMLParser):
    """The elements of a page, each with the names of its attributes, and the values of those that load or link."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[tuple[str, ...]] = set()
        self.targets: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add((tag, *(name for name, _ in attrs)))
        self.targets |= {value or "" for name, value in attrs if name in ("href", "src", "action", "xlink:href")}


def compared(folder: Path) -> Comparison:
    return compare_study(load_study(folder, "ds"))


def test_markup_in_every_field_leaves_the_page_as_it_is(tmp_path: Path) -> None:
    plain, hostile = (compared(make_results(tmp_path / name, text)) for name, text in (("a", "text"), ("b", MARKUP)))
    assert len(hostile.contenders) == len(plain.contenders) == 2
    text = page.page(hostile)
    assert "&lt;x-evil" in text
    found, expected = Page(text), Page(page.page(plain))
    assert {name for element in found.elements - expected.elements for name in element if "evil" in name} == set()
    assert not any(name.startswith("on") for element in found.elements for name in element[1:])
    assert {element[0] for element in found.elements} == {element[0] for element in expected.elements}
    assert all(target.startswith(("#", "data:image/webp;base64,")) for target in found.targets)


def test_markup_in_every_field_leaves_the_tables_as_they_are(tmp_path: Path) -> None:
    table = export([compared(make_results(tmp_path, MARKUP))], "md")
    assert "<" not in table
    assert "](" not in table.replace("\\](", "")
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in rows}) == 1


@pytest.mark.parametrize("home", ["/srv/people/ann", "/home/ann", "/Users/ann"])
def test_no_field_shows_a_home_directory(home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/srv/people/ann")
    comparison = compared(make_results(tmp_path, f"{home}/photos"))
    forms: list[Callable[[], str]] = [lambda form=form: export([comparison], form) for form in ("md", "csv", "json")]
    for text in (page.page(comparison), *(form() for form in forms)):
        assert "~/photos" in text.replace("|", "/") and "people/ann" not in text and home not in text


def test_a_record_is_written_without_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "ann"))
    run = make_run(tmp_path, "ds", ["a", "b"], BASELINE, 1, evidence=False)
    reason = f"{tmp_path}/ann/data: no such folder, nor {tmp_path}/anna"
    folder = tmp_path / "ds" / run.run
    write_run(folder, replace(run, result=replace(run.result, reason=reason), notes=[reason]))
    assert read_run(folder).result.reason == f"~/data: no such folder, nor {tmp_path}/anna"
    assert f"{tmp_path}/ann/" not in (folder / "run.json").read_text()
