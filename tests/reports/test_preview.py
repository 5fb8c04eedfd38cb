"""preview.html of a dataset in a real Chromium: ticked photos become an exclude list, and names stay inert."""

import shutil
from pathlib import Path

from collect import collect
from collect.datasets import parse_dataset
from collect.manifest import read_manifest
from collect.write.preview import write_preview
from tests.servers.photos import jpeg

HOSTILE = '"><img src=x onerror=alert(1)></script><script>alert(2)</script>'


def test_ticked_photos_become_a_list_that_collect_takes(tmp_path: Path, visit) -> None:
    for k, name in enumerate(("cup", "pen")):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for i in range(6):
            (tmp_path / "mine" / name / f"{i}.jpg").write_bytes(jpeg(10 * k + i))
    dataset = parse_dataset("my set", {"source": "folder", "url": str(tmp_path / "mine")}, "test")
    collect(dataset, tmp_path, quiet=True)
    page, wrong = visit(tmp_path / "my set/preview.html", width=390)
    button, status = page.get_by_role("button"), page.get_by_role("status")
    assert button.is_disabled() and page.evaluate("document.documentElement.scrollWidth") <= 390
    boxes = page.get_by_role("checkbox")
    assert boxes.count() == 12
    boxes.nth(0).check()
    assert status.inner_text() == "1 photo ticked."
    page.locator("img").nth(7).click()
    assert status.inner_text() == "2 photos ticked."
    boxes.nth(3).check()
    boxes.nth(3).press("Space")
    with page.expect_download() as download:
        button.click()
    assert download.value.suggested_filename == "exclude-my_set.txt"
    listed = tmp_path / download.value.suggested_filename
    shutil.copyfile(download.value.path(), listed)
    ticked = dict(line.split("  ", 1) for line in listed.read_text().splitlines())
    rows = {r.sha256: r.file for r in read_manifest(tmp_path / "my set")}
    assert len(ticked) == 2 and ticked.items() <= rows.items()
    assert wrong == []
    collect(dataset, tmp_path, quiet=True, exclude=listed)
    assert {r.sha256 for r in read_manifest(tmp_path / "my set")} == rows.keys() - ticked.keys()


def test_markup_in_names_is_text_and_no_other_script_runs(tmp_path: Path, visit) -> None:
    from collect.manifest import Rejected, Row

    folder = tmp_path / HOSTILE.replace("/", "_")
    folder.mkdir()
    rows = [Row(f"train/{HOSTILE}/1.jpg", HOSTILE, "train", "0" * 64, title=HOSTILE, owner_name=HOSTILE)]
    write_preview(folder, rows, [Rejected(HOSTILE, HOSTILE, HOSTILE, "dropped", HOSTILE)], {})
    page, wrong = visit(folder / "preview.html")
    page.get_by_role("checkbox").check()
    assert page.get_by_role("button").is_enabled()
    assert page.locator("script").count() == 1 and page.locator("img").count() == 1
    assert [line for line in wrong if "ERR_FILE_NOT_FOUND" not in line] == []
