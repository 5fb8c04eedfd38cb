"""URL lists and manifests as sources, and what verify finds."""

import json
import subprocess
import sys
from collections import Counter

import pytest
import torchvision

import collect.manifest
from tests.collect.test_flickr import photos
from tests.forked import ROOT
from tests.servers.flickr import FlickrServer


@pytest.fixture
def web():
    """A host with 40 photos, some of them broken."""
    with FlickrServer(photos(40, {3: "404", 5: "503", 7: "503-once", 9: "noai"}, tags=("car",))) as server:
        yield server


def listed(web: FlickrServer, first: int = 0, last: int = 40) -> list[str]:
    """Addresses of the host's photos."""
    return [f"{web.url}/photo/car{i}.jpg" for i in range(first, last)]


def test_a_csv_list_gives_owners_and_licences(place, web) -> None:
    lines = [f"{url},{('car', 'bus')[i % 2]},owner {i % 9},by" for i, url in enumerate(listed(web))]
    (place.folder / "list.csv").write_text("\n".join(["url,class,owner,license", *lines]))
    place.good("--from", "list.csv", "--name", "x", "--allow-private")
    rows = place.rows("x")
    assert Counter(r["class"] for r in rows) == {"car": 20, "bus": 17}
    assert {r["license"] for r in rows} == {"by"}
    reasons = {r["url"].rpartition("/")[2]: r["reason"] for r in place.rows("x", "rejected.jsonl")}
    assert reasons == {"car3.jpg": "gone", "car5.jpg": "server-error", "car9.jpg": "opted-out"}
    sides = {(r["owner"], r["split"]) for r in rows}
    assert len(sides) == len({owner for owner, _ in sides})


def test_a_failed_photo_is_requested_at_most_four_times_over_all_runs(place, web) -> None:
    (place.folder / "list.txt").write_text("\n".join(listed(web)))
    for _ in range(3):
        place.good("--from", "list.txt", "--name", "x", "--allow-private")
    assert web.requests["/photo/car5.jpg"] == 4
    assert max(web.requests.values()) == 4
    assert web.requests["/photo/car1.jpg"] == 1
    assert "nothing to do" in place.good("--from", "list.txt", "--name", "x", "--allow-private").out
    assert {r["class"] for r in place.rows("x")} == {"list"}


def test_redirects_are_followed_and_count_as_requests(place, web) -> None:
    web.redirects.update({"/moved": "/photo/car1.jpg", "/loop": "/loop"})
    urls = [f"{web.url}/moved", f"{web.url}/loop", *listed(web, 10, 20)]
    (place.folder / "list.txt").write_text("\n".join(urls))
    place.good("--from", "list.txt", "--name", "x", "--allow-private")
    assert {r["url"]: r["reason"] for r in place.rows("x", "rejected.jsonl")} == {f"{web.url}/loop": "redirects"}
    assert f"{web.url}/moved" in {r["url"] for r in place.rows("x")}
    assert web.requests["/loop"] == 4


def test_a_redirect_into_a_private_network_is_refused(place) -> None:
    with FlickrServer(photos(30, {}, tags=("car",))) as flickr:
        flickr.redirects["/photo/car2.jpg"] = "http://10.0.0.1/x.jpg"
        place.good("car", "--train", "15", "--test", "5", "--name", "x", **flickr.environment)
    assert [(r["source_id"], r["reason"]) for r in place.rows("x", "rejected.jsonl")] == [("car2", "private-address")]


def test_private_hosts_are_refused_by_default(place, web) -> None:
    (place.folder / "list.txt").write_text("\n".join(listed(web)))
    outcome = place.run("--from", "list.txt", "--name", "x")
    assert outcome.code == 3
    assert not web.requests
    assert {r["reason"] for r in place.rows("x", "rejected.jsonl")} == {"private-address"}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a,b\n1,2\n", "list.csv:1"),
        ("url,class\nhttp://x/1.jpg,../up\n", "list.csv:2"),
        ("", "list.csv"),
        (f"url,class\n{'x' * 200_000},a\n", "list.csv"),
    ],
)
def test_a_malformed_list_is_named_with_its_line(place, text: str, where: str) -> None:
    (place.folder / "list.csv").write_text(text)
    outcome = place.run("--from", "list.csv", "--name", "x")
    assert outcome.code == 4
    assert where in outcome.err


def test_a_manifest_rebuilds_the_same_files_and_lists_unavailable_photos(place, web, tmp_path_factory) -> None:
    (place.folder / "list.txt").write_text("\n".join(f"{url} {('a', 'b')[i % 2]}" for i, url in enumerate(listed(web))))
    place.good("--from", "list.txt", "--name", "x", "--allow-private")
    elsewhere = place.elsewhere(tmp_path_factory.mktemp("elsewhere"))
    (elsewhere.folder / "manifest.jsonl").write_bytes((place.folder / "data/x/manifest.jsonl").read_bytes())
    elsewhere.good("--from", "manifest.jsonl", "--name", "again", "--allow-private")
    assert elsewhere.lasting("again") == place.lasting("x")
    assert "passes: 37 images, 0 differences, 0 leaks" in elsewhere.good("--verify", "again").out
    next(p for p in web.photos if p.id == "car12").fault = "410"
    next(p for p in web.photos if p.id == "car13").shows = 77
    outcome = elsewhere.run("--from", "manifest.jsonl", "--name", "later", "--allow-private")
    assert outcome.code == 3
    gone = [line for line in outcome.err.splitlines() if line.startswith("gone: ")]
    assert len(gone) == 2
    assert "car12.jpg: gone" in gone[0] + gone[1]
    assert "car13.jpg: changed" in gone[0] + gone[1]
    assert len(elsewhere.rows("later")) == 35


def test_a_dataset_rebuilds_itself_from_its_folder(place) -> None:
    place.good("car", "bicycle", "--source", "synthetic", "--train", "12", "--test", "4")
    place.good("--from", "data/car-bicycle", "--name", "again")
    assert place.lasting("again") == place.lasting("car-bicycle")
    (place.folder / "only").mkdir()
    (place.folder / "only/manifest.jsonl").write_bytes((place.folder / "data/again/manifest.jsonl").read_bytes())
    place.good("--from", "only/manifest.jsonl", "--name", "drawn")
    assert place.lasting("drawn") == place.lasting("car-bicycle")


def test_verify_finds_every_difference(place) -> None:
    place.good("car", "bicycle", "--source", "synthetic", "--train", "12", "--test", "4")
    folder = place.folder / "data/car-bicycle"
    (folder / "train/car/car_0000.jpg").write_bytes(b"x")
    (folder / "train/car/car_0001.jpg").unlink()
    (folder / "test/car/extra.jpg").write_bytes(b"x")
    outcome = place.run("--verify", "car-bicycle")
    assert outcome.code == 1
    assert "train/car/car_0000.jpg: changed" in outcome.out
    assert "train/car/car_0001.jpg: missing" in outcome.out
    assert "test/car/extra.jpg: not in the manifest" in outcome.out
    assert json.loads(place.run("--verify", "car-bicycle", "--json").out)["passed"] is False


def test_verify_finds_a_photographer_in_both_train_and_test(place, web) -> None:
    lines = [f"{url},{'ab'[i % 2]},o{i % 9},by" for i, url in enumerate(listed(web))]
    (place.folder / "list.csv").write_text("\n".join(["url,class,owner,license", *lines]))
    place.good("--from", "list.csv", "--name", "x", "--allow-private")
    rows = place.rows("x")
    assert "0 leaks" in place.good("--verify", "x").out
    tested = next(r for r in rows if r["split"] == "test")
    trained = next(r for r in rows if r["split"] == "train")
    manifest = place.folder / "data/x/manifest.jsonl"
    manifest.write_text(manifest.read_text().replace(f'"owner": "{tested["owner"]}"', f'"owner": "{trained["owner"]}"'))
    outcome = place.run("--verify", "x")
    assert outcome.code == 1
    assert f"photos of {trained['owner']} are in both train and test" in outcome.out


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--dataset", "nope"), 2),
        (("--verify", "nope"), 2),
        (("--refresh", "nope"), 2),
        (("--from", "nope.zip", "--name", "x"), 2),
        (("--from", "."), 2),
        ((), 2),
        (("car", "--list"), 2),
        (("car", "--source", "synthetic", "--train", "0"), 2),
        (("unicorn", "--source", "synthetic"), 2),
        (("../car", "--source", "synthetic"), 2),
        (("--from", ".", "--name", "x", "--split", "foo"), 2),
        (("--dataset", "sample", "--split", "foo"), 2),
        (("--from", ".", "--name", "x", "--license", "by"), 2),
        (("--dataset", "sample", "--license", "by"), 2),
        (("car", "--source", "synthetic", "--license", "by"), 2),
    ],
)
def test_options_that_do_not_go_together_are_usage_errors(place, args: tuple[str, ...], code: int) -> None:
    outcome = place.run(*args)
    assert outcome.code == code
    assert "Traceback" not in outcome.err
    assert not [p for p in place.folder.rglob("*") if p.is_file()]


def test_another_recipe_leaves_an_existing_folder_unchanged(place) -> None:
    args = ("car", "bicycle", "--source", "synthetic", "--train", "8", "--test", "2", "--name", "x")
    place.good(*args)
    outcome = place.run(*args, "--seed", "2")
    assert outcome.code == 2
    assert "seed" in outcome.err
    (place.folder / "data/mine").mkdir()
    (place.folder / "data/mine/photo.jpg").write_bytes(b"x")
    assert place.run(*args[:-1], "mine").code == 2
    assert (place.folder / "data/mine/photo.jpg").read_bytes() == b"x"


def test_the_recipe_of_a_search_is_added_to_datasets_toml_and_comments_stay(place) -> None:
    own = place.folder / "datasets.toml"
    own.write_text('# my sets\n[other]  # do not touch\nsource = "folder"\nurl = "photos"\n')
    place.good("car", "bicycle", "--source", "synthetic", "--train", "8", "--test", "2")
    assert "# my sets\n[other]  # do not touch" in own.read_text()
    assert "nothing to do" in place.good("--dataset", "car-bicycle").out
    assert collect.manifest.last_collected(place.folder / "data") == "car-bicycle"


def test_the_shipped_datasets_toml_is_not_changed_and_a_note_says_so(place) -> None:
    own = place.folder / "datasets.toml"
    own.symlink_to(ROOT / "datasets.toml")
    outcome = place.good("car", "bicycle", "--source", "synthetic", "--train", "8", "--test", "2")
    assert "the recipe was not added to" in outcome.out
    assert own.is_symlink()


def test_torchvision_imagefolder_loads_a_dataset(place) -> None:
    place.good("car", "bicycle", "--source", "synthetic", "--train", "8", "--test", "2")
    folder = place.folder / "data/car-bicycle"
    for split, number in (("train", 16), ("test", 4)):
        loaded = torchvision.datasets.ImageFolder(str(folder / split))
        assert (len(loaded), loaded.classes) == (number, ["bicycle", "car"])


def test_hugging_face_imagefolder_loads_a_dataset_with_its_metadata(place, tmp_path_factory) -> None:
    datasets = pytest.importorskip("datasets", reason="Hugging Face's datasets is not installed")
    place.good("car", "bicycle", "--source", "synthetic", "--train", "8", "--test", "2")
    folder = place.folder / "data/car-bicycle"
    loaded = datasets.load_dataset("imagefolder", data_dir=str(folder), cache_dir=str(tmp_path_factory.mktemp("hf")))
    assert {k: len(v) for k, v in loaded.items()} == {"train": 16, "test": 4}
    by_hash = {r["sha256"]: r for r in place.rows("car-bicycle")}
    assert all(by_hash[r["sha256"]]["class"] == r["label"] for r in loaded["test"])
    assert {"license", "owner", "phash", "source_id"} <= set(loaded["test"].features)


def test_help_has_examples_and_exit_codes_and_fits_80_columns(place) -> None:
    lines = place.good("--help", COLUMNS="80").out.rstrip().splitlines()
    assert max(map(len, lines)) < 80
    assert "  Examples:" in lines
    assert "    collect --from photos.zip --name pets     your class folders, split 80/20" in lines
    assert lines[-2].startswith("  Exit codes: 0 done, 1 failed, 2 usage, 3 too few photos,")


def test_drawing_a_dataset_needs_no_extra_library(place) -> None:
    code = (
        "import sys; [sys.modules.__setitem__(n, None) for n in ('flickrapi', 'imagehash', 'tomlkit', 'torch')]\n"
        "import collect; collect.collect(collect.load_datasets()['sample'].__class__("
        "'x', 'synthetic', tuple(collect.datasets.ClassSearch(n) for n in ('car', 'bicycle')), 4, 2), quiet=True)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=place.folder, env={"PYTHONPATH": str(ROOT)}, check=True)
    assert len(place.rows("x")) == 12
