"""Names and texts from outside: bytes that are not UTF-8 are read, and what could control a terminal is only shown."""

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.table import Table

from collect import collect
from collect.audit import check_dataset
from collect.candidate import Candidate
from collect.datasets import Dataset
from collect.errors import UsageError, VggbenchError, exit_codes
from collect.manifest import Row, read_manifest
from collect.sources.layout import read_layout, source_id
from collect.sources.origin import source_of
from collect.terminal import make_console, print_text, printable
from collect.write.credits import write_credits
from tests.servers.photos import jpeg

LATIN = {f"{c}/{i}\udce9.jpg": jpeg(40 * k + i) for k, c in enumerate(("caf\udce9", "dog")) for i in range(5)}
HOSTILE = "\x1b[31m[/red]:smile:\u202e\x9b"


def folder(path: Path) -> str:
    """A folder with the names."""
    for name, data in LATIN.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return "folder"


def tarred(path: Path, form: int) -> str:
    """A tar with the names."""
    with tarfile.open(path, "w:gz", format=form, encoding="utf-8", errors="surrogateescape") as out:
        for name, data in LATIN.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return "archive"


def zipped(path: Path) -> str:
    """A zip whose names state that they are UTF-8."""
    with zipfile.ZipFile(path, "w") as out:
        for name, data in LATIN.items():
            out.writestr(name.replace("\udce9", "é"), data)
    whole = path.read_bytes()
    for end in (b"/", b".jpg"):
        whole = whole.replace("é".encode() + end, b"\xe9!" + end)
    path.write_bytes(whole)
    return "archive"


@pytest.mark.parametrize(
    "make",
    [folder, lambda at: tarred(at, tarfile.GNU_FORMAT), lambda at: tarred(at, tarfile.PAX_FORMAT), zipped],
    ids=["folder", "gnu", "pax", "zip"],
)
def test_names_that_are_not_utf8_are_read_and_kept_in_the_manifest(tmp_path: Path, make: Callable[[Path], str]) -> None:
    dataset = Dataset("x", make(tmp_path / "source"), url=str(tmp_path / "source"))
    assert collect(dataset, tmp_path / "data", quiet=True).changed
    rows = read_manifest(tmp_path / "data/x")
    mark = "!" if make is zipped else ""
    assert {r.class_ for r in rows} == {f"café{mark}", "dog"}
    assert {r.source_id for r in rows} == {name.replace("\udce9", f"\\xe9{mark}") for name in LATIN}
    assert check_dataset(tmp_path / "data/x").passed
    assert not collect(dataset, tmp_path / "data", quiet=True).changed


def test_every_name_gets_a_valid_and_distinct_text() -> None:
    paths = [os.fsdecode(b"class%c/1.jpg" % byte) for byte in range(0x80, 0x100)]
    classes = {place.class_ for place in read_layout(paths, "x").values()}
    assert len(classes) == len({source_id(path) for path in paths}) == 128
    assert "".join(classes).isprintable() or "\xa0" in "".join(classes)
    assert source_id("é/1.jpg") == "é/1.jpg"
    assert {p.class_ for p in read_layout(["1.jpg"], "photos \udce9").values()} == {"photos é"}
    assert read_layout(["1.jpg"], ".hidden") == {}


def test_a_source_whose_own_path_is_not_text_is_refused() -> None:
    with pytest.raises(UsageError, match="--from: photos\udce9: the path has bytes that are not UTF-8"):
        source_of("photos\udce9")


def test_half_a_character_in_an_answer_can_be_written() -> None:
    candidate = Candidate("a", "1", title="\ud83d Café", owner_name="Ann")
    assert (candidate.title, candidate.owner_name) == ("\\ud83d Café", "Ann")


def test_outside_text_is_shown_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    assert printable(HOSTILE + "é \u200d\udce9\n") == "\\x1b[31m[/red]:smile:\\u202e\\x9bé \u200d\\xe9\n"
    with pytest.raises(SystemExit), exit_codes("collect", ""):
        raise VggbenchError(HOSTILE)
    assert capsys.readouterr().err == f"collect: {printable(HOSTILE)}\n"
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    print_text("ÿ\udce9", stream)
    stream.seek(0)
    assert stream.read() == "\\xff\\xe9\n"


def test_tables_and_lines_show_outside_text(tmp_path: Path) -> None:
    out = io.StringIO()
    console = make_console(file=out, width=120)
    table = Table("[/b]")
    table.add_row(HOSTILE)
    console.print(table)
    console.print(HOSTILE)
    assert out.getvalue().count(printable(HOSTILE)) == 2


def test_collect_reports_names_with_markup(place, class_folders) -> None:
    names = ("1\x9b31m", "[red]", ":smile:")
    class_folders("photos", {c: [jpeg(40 * k + i) for i in range(5)] for k, c in enumerate(names)})
    outcome = place.good("--from", "photos", "--name", "[b]")
    assert outcome.out.startswith("[b]: 12 train and 3 test images of 3 classes")
    assert "1\\x9b31m" in outcome.out and "\x9b" not in outcome.out + outcome.err


def test_credits_quote_names_and_link_only_web_pages(tmp_path: Path) -> None:
    markup = "[x](javascript:alert(1)) <b>`&amp;|\x1b[0m"
    rows = [
        Row("train/a``b/1.jpg", "a``b", "train", "1", source_id="1", title=markup, owner_name=markup, license=markup),
        Row("train/a/2.jpg", "a", "train", "2", source_id="2", page_url="JavaScript:alert(1)", license="by"),
        Row("train/a/3.jpg", "a", "train", "3", source_id="3", page_url="https://h/a b)[c](d", license="by"),
        Row("train/a/4.jpg", "a", "train", "4", source_id="4", source=markup, license="by"),
    ]
    write_credits(tmp_path, rows, {("a", "2"): "data:text/html,<b>", ("a", "3"): "http://h/by"})
    text = (tmp_path / "CREDITS.md").read_text()
    quoted = "\\[x\\](javascript:alert(1)) \\<b\\>\\`\\&amp;\\|\\\\x1b\\[0m"
    assert f"- ``` train/a``b/1.jpg ```: {quoted} by {quoted}, {quoted}" in text
    assert "- `train/a/2.jpg`: Untitled by unknown, CC BY\n" in text
    assert "[Untitled](https://h/a%20b%29%5Bc%5D%28d) by unknown, [CC BY](http://h/by)" in text
    assert f"1 image from {quoted}, which" in text
