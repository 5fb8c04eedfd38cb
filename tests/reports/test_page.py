"""The built file: deterministic, small, sealed, and safe with hostile names."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from bench.records import UsageError
from reports import page
from reports.study import compare_study, load_study
from tests.factories.results import DEVICE, PROFILES, SCRATCH, make_run
from tests.forked import ROOT

HOSTILE = [
    "<script>alert(1)</script>",
    "$x^2$ and $",
    "_a",
    "\"'><img src=x onerror=alert(2)>",
    "\u202egnp.exe\u202c",
    "n" * 300,
    "{{ 7*7 }}",
    "</script><b>",
    "=cmd|'/c calc'!A1",
    "a & b",
]


def sources() -> list[Path]:
    return [p for p in (ROOT / "reports").rglob("*") if p.suffix in (".py", ".j2", ".js", ".css")]


def test_reports_imports_only_the_records_of_bench() -> None:
    code = "import sys, reports.cli, reports.page; print(*sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "torch" not in out and "torchvision" not in out
    for path in sources():
        found = re.findall(r"^\s*(?:from|import) ((?:bench|collect)(?:\.\S+)?)\s", path.read_text(), re.M)
        assert set(found) <= {"bench.records"}, path


def test_no_template_switches_escaping_off() -> None:
    for path in sources():
        if path.suffix == ".j2":
            assert not re.search(r"\|\s*safe|autoescape|style=|\son\w+=", path.read_text()), path


def test_script_stays_under_six_kilobytes() -> None:
    assert len((ROOT / "reports/templates/page.js").read_bytes()) <= 6 * 1024


def test_the_policy_comes_first_and_lists_the_hashes_of_style_and_script(results: Path) -> None:
    text = (results / "car-bicycle/report.html").read_text()
    head = text[text.index("<head>") + 6 :].lstrip()
    assert head.startswith('<meta http-equiv="Content-Security-Policy"')
    policy = re.search(r'content="([^"]+)"', head)[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    scripts = re.findall(r"<script>(.*?)</script>", text, re.S)
    styles = re.findall(r"<style>(.*?)</style>", text, re.S)
    assert len(scripts) == len(styles) == 1
    for kind, body in (("script", scripts[0]), ("style", styles[0])):
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", text)


def test_the_same_results_give_the_same_bytes(results: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from reports import page; "
        "page.build(Path(sys.argv[1]), 'imagenette', Path(sys.argv[2]))"
    )
    again = tmp_path / "again.html"
    subprocess.run(
        [sys.executable, "-c", code, str(results), str(again)], cwd=ROOT, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert again.read_bytes() == (results / "imagenette/report.html").read_bytes()


def test_five_seeds_of_imagenette_are_small_and_silent(five_seeds: Path, capsys) -> None:
    (path,) = page.build(five_seeds, "imagenette")
    assert path == five_seeds / "imagenette" / "report.html"
    assert capsys.readouterr() == ("", "")
    assert path.stat().st_size <= 2_000_000
    assert "5 seeds" in path.read_text()


def hostile_results(folder: Path) -> Path:
    for profile in PROFILES:
        run = make_run(folder, "odd", HOSTILE, profile, 1, test=100, weights="<b>evil</b> (Tiny-ImageNet)")
        path = folder / "odd" / run.run / "run.json"
        values = json.loads(path.read_text())
        values["dataset"]["name"] = "<img src=x onerror=alert(3)>" + "d" * 300
        values["recipe"]["note"] = "<script>alert(4)</script>"
        values["command"] = f"bench run --data {Path.home()}/photos --api-key=SECRET1 <script>alert(5)</script>"
        path.write_text(json.dumps(values))
    return folder


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = hostile_results(tmp_path_factory.mktemp("hostile") / "results")
    (path,) = page.build(folder)
    return path


def test_hostile_names_are_inert_and_visible(hostile: Path, visit) -> None:
    shown, wrong = visit(hostile)
    shown.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    text = shown.locator("main").inner_text()
    for name in HOSTILE:
        plain = re.sub("[\u202e\u202c]", "\ufffd", name)
        assert (plain if len(name) < 40 else name[:39]) in text, name
    assert "<script>alert(4)</script>" in text
    assert "\u202e" not in hostile.read_text()
    assert shown.locator("main script, main b:text('evil'), img[src='x']").count() == 0
    assert shown.evaluate("document.documentElement.scrollWidth") <= 1280
    assert wrong == []


def test_home_folder_and_keys_are_not_shown(hostile: Path) -> None:
    text = hostile.read_text()
    assert "SECRET1" not in text
    assert str(Path.home()) not in text.replace("~", "")
    assert "--data ~/photos" in text


def test_pictures_are_re_encoded_and_read_from_their_own_folder_only(tmp_path: Path) -> None:
    run = make_run(tmp_path, "ds", ["a", "b"], SCRATCH, 1, test=60)
    folder = tmp_path / "ds" / run.run / "pictures"
    exif = Image.Exif()
    exif[0x010F] = "SECRET-CAMERA"
    photo = Image.open(folder / "sample_00.webp")
    photo.save(folder / "sample_00.webp", exif=exif)
    Image.new("RGB", (8, 8)).save(tmp_path / "outside.webp")
    (folder / "sample_02.webp").write_bytes(b"not a picture")
    listed = json.loads((folder / "pictures.json").read_text())
    listed[1]["picture"] = "../../../outside.webp"
    (folder / "pictures.json").write_text(json.dumps(listed))
    text = page.build(tmp_path)[0].read_text()
    images = re.findall(r"data:image/(\w+);base64,([^\"]+)", text)
    assert {kind for kind, _ in images} == {"webp"}
    assert not any(b"SECRET-CAMERA" in base64.b64decode(data) for _, data in images)
    assert "outside.webp: lies outside its folder" in text
    assert "sample_02.webp: is not a readable WebP picture" in text


def test_bare_run_records_are_enough(tmp_path: Path, visit) -> None:
    """A run.json with the keys of DESIGN.md and nothing beside it."""
    for profile in PROFILES:
        for seed in (1, 2):
            run = make_run(tmp_path, "bare", ["a", "b"], profile, seed, evidence=False)
            path = tmp_path / "bare" / run.run / "run.json"
            values = json.loads(path.read_text())
            for key in ("command", "notes"):
                del values[key]
            del values["result"]["reason"], values["result"]["clean_images"], values["cost"]["breakdown"]
            path.write_text(json.dumps(values))
    (path,) = page.build(tmp_path)
    shown, wrong = visit(path)
    assert "Fine-tuned VGG" in shown.locator("h1").inner_text()
    assert shown.locator("table.main").first.locator("tbody tr").count() == 4
    assert shown.locator(".matrix").count() == 4
    assert "none stored beside these runs" in (shown.locator("#dataset").text_content() or "")
    assert wrong == []


def test_unusable_records_are_listed_and_left_out(results: Path, tmp_path: Path) -> None:
    shutil.copytree(results / "imagenette", tmp_path / "imagenette")
    source = tmp_path / "imagenette/frozen-vgg-s1/run.json"
    values = json.loads(source.read_text())

    def put(name: str, text: str) -> None:
        (tmp_path / "imagenette" / name).mkdir()
        (tmp_path / "imagenette" / name / "run.json").write_text(text)

    put("half", source.read_text()[:500])
    put("future", json.dumps(values | {"schema": "vggbench.run/9"}))
    put("impossible", json.dumps(values | {"result": values["result"] | {"accuracy": 1.7}}))
    other = {"kind": "cuda", "name": "NVIDIA H200", "torch": "2.15.0"}
    put("elsewhere", json.dumps(values | {"run": "elsewhere", "seed": 2, "device": values["device"] | other}))
    study = load_study(tmp_path, "imagenette")
    assert len(study.left_out) == 3
    frozen = [g for g in study.groups if g.example.model.name == "frozen-vgg"]
    assert sorted((g.example.device.name, len(g.runs)) for g in frozen) == [(DEVICE.name, 1), ("NVIDIA H200", 1)]
    text = page.build(tmp_path)[0].read_text()
    for name in ("half/run.json", "future/run.json", "impossible/run.json"):
        assert f"imagenette/{name}" in text
    assert "another device" in text and "vggbench.run/9" in text
    assert "3 stored files could not be used." in text


def test_a_dataset_of_nothing_but_broken_records_still_has_a_report(tmp_path: Path, visit) -> None:
    (tmp_path / "ds" / "run").mkdir(parents=True)
    (tmp_path / "ds" / "run" / "run.json").write_text('{"schema": "vggbench.run/1", "run":')
    shown, wrong = visit(page.build(tmp_path)[0])
    assert shown.locator("h1").inner_text() == "No run has finished yet"
    assert "ds/run/run.json" in (shown.locator("#conditions").text_content() or "")
    assert wrong == []


def test_failed_and_stalled_runs_are_reported_not_averaged(tmp_path: Path) -> None:
    run = make_run(tmp_path, "ds", ["a", "b"], SCRATCH, 1, evidence=False)
    path = tmp_path / "ds" / run.run / "run.json"
    values = json.loads(path.read_text())
    for seed, status in ((2, "stalled"), (3, "failed")):
        folder = tmp_path / "ds" / f"s{seed}"
        folder.mkdir()
        result = {"status": status, "accuracy": 0.5 if seed == 2 else None, "reason": "loss stuck at ln 2"}
        more = {"run": f"s{seed}", "seed": seed, "result": result}
        (folder / "run.json").write_text(json.dumps(values | more))
    (group,) = load_study(tmp_path, "ds").groups
    assert group.accuracy == values["result"]["accuracy"]
    text = page.build(tmp_path)[0].read_text()
    assert "1, 1 stalled, 1 failed" in text
    assert "Not in any figure: Scratch VGG: 1 run stalled and 1 run failed." in text
    assert "loss stuck at ln 2" in text
    path.unlink()
    assert "No run has finished yet" in page.build(tmp_path)[0].read_text()


def test_the_table_shows_what_was_not_measured(results: Path, visit) -> None:
    shown, _ = visit(results / "car-bicycle/report.html")
    cost = shown.locator("table.main").nth(1)
    heads = [text.split("\n")[0] for text in cost.locator("thead th").all_inner_texts()]
    energy = next(i for i, text in enumerate(heads) if text.startswith("Energy"))
    for row in cost.locator("tbody tr").all():
        assert row.locator("th, td").nth(energy).inner_text() == "not measured"


def test_the_dataset_section_lists_the_leaks_removed_and_the_leaks_left(results: Path, tmp_path: Path, visit) -> None:
    shown, _ = visit(results / "car-bicycle/report.html")
    text = shown.locator("#dataset").text_content() or ""
    assert "313 exact duplicates and 41 near duplicates removed, so that none is in both splits" in text
    assert "0 images with the same bytes" in text
    shutil.copytree(results / "imagenette", tmp_path / "imagenette")
    (path,) = (tmp_path / "imagenette").glob("manifest-*/dataset.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"rejected": {"bridges-split": 1}, "leaks": 281}))
    text = page.build(tmp_path)[0].read_text()
    assert "1 image that belongs to both splits removed" in text
    assert "281 images with the same bytes" in text


def test_several_datasets_have_an_index(results: Path, visit) -> None:
    shown, wrong = visit(results / "index.html")
    assert "Fine-tuned VGG and frozen VGG are statistically tied" in shown.locator("main").inner_text()
    shown.get_by_role("link", name="car-bicycle").click()
    assert "car-bicycle" in shown.title()
    assert wrong == []


def test_a_missing_dataset_and_one_file_for_two_are_usage_errors(results: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose from car-bicycle, imagenette"):
        page.build(results, "cats")
    with pytest.raises(UsageError, match="add --dataset NAME"):
        page.build(results, out=tmp_path / "one.html")
    with pytest.raises(UsageError, match="no such folder"):
        page.build(tmp_path / "nowhere")


def test_a_large_report_has_smaller_photos_and_a_note_about_it(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (results / "car-bicycle/report.html").stat().st_size
    monkeypatch.setattr(page, "MOST_BYTES", size - 20_000)
    text = page.page(compare_study(load_study(results, "car-bicycle")))
    assert len(text.encode()) <= size - 20_000
    assert "Photos are 48 pixels wide" in text  # those stored are 72 wide
