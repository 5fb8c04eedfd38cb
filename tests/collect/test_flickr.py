"""`collect CLASS...` against a Flickr with every fault of the real one."""

import json
import random
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from tests.forked import ROOT
from tests.servers.flickr import EPOCH, KEY, PASSING, PERMANENT, SECRET, FlickrServer, Photo

REASONS = {
    "missing-url": "no-url",
    "404": "gone",
    "410": "gone",
    "placeholder": "placeholder",
    "html": "html",
    "noai": "opted-out",
    "truncated-file": "truncated",
    "empty": "empty",
    "garbage": "corrupt",
    "bomb": "too-many-pixels",
    "503": "server-error",
    "near": "near-duplicate",
    "exact": "exact-duplicate",
}
HARMLESS = ("png", "exif6", "503-once", "reset-once", "short-once")


def photos(
    number: int, faults: dict[int, str], owners: int = 40, tags: tuple[str, ...] = ("car", "bicycle")
) -> list[Photo]:
    """`number` photos of each tag; `faults` says what is wrong with the n-th. Copies show the photo before them."""
    listed: list[Photo] = []
    for t, tag in enumerate(tags):
        for i in range(number):
            fault, shows = faults.get(i, ""), 10_000 * (t + 1) + i
            if fault in ("near", "exact"):
                shows -= 1
            owner = f"{t}{i % owners}@N01"
            listed.append(Photo(f"{tag}{i}", tag, owner, shows, fault.replace("exact", ""), uploaded=EPOCH + 60 * i))
    return listed


def spread(kinds: list[str], step: int = 3) -> dict[int, str]:
    """One photo in `step` has a fault, one kind after another; copies always follow a good photo."""
    return {1 + step * i: kind for i, kind in enumerate(kinds)}


def test_every_fault_has_its_reason_and_counts_are_exact(place) -> None:
    kinds = [*PERMANENT, *PASSING, "503", "near", "exact", "png", "exif6"]
    with FlickrServer(
        photos(130, spread(kinds)),
        api_faults=["", "105", "503", "429", "garbled", "201"],
        repeat_page=1,
        overclaim=True,
    ) as flickr:
        outcome = place.good("car", "bicycle", "--train", "60", "--test", "25", **flickr.environment)
    rows = place.rows("car-bicycle")
    assert Counter((r["split"], r["class"]) for r in rows) == {
        (split, tag): n for split, n in (("train", 60), ("test", 25)) for tag in ("car", "bicycle")
    }
    reasons = {r["source_id"]: r["reason"] for r in place.rows("car-bicycle", "rejected.jsonl")}
    assert reasons == {
        f"{tag}{i}": REASONS[kind] for tag in ("car", "bicycle") for i, kind in spread(kinds).items() if kind in REASONS
    }
    assert max(flickr.requests.values()) <= 4
    assert flickr.peak <= 64
    assert "--verify" not in outcome.out
    assert "passes: 170 images, 0 differences, 0 leaks" in place.good("--verify", "car-bicycle").out
    owners = {(r["owner"], r["split"]) for r in rows}
    assert len(owners) == len({owner for owner, _ in owners})
    turned = next(
        r for r in rows if r["source_id"] == f"car{next(k for k, v in spread(kinds).items() if v == 'exif6')}"
    )
    assert (turned["width"], turned["height"]) == (120, 160)
    with Image.open(place.folder / "data/car-bicycle" / turned["file"]) as image:
        assert image.size == (120, 160)
        assert image.getexif().get(0x0112, 1) == 1


def test_the_key_is_in_no_file_or_message(place) -> None:
    with FlickrServer(photos(20, {})) as flickr:
        process = place.start("car", "--train", "10", "--test", "4", "--name", "x", **flickr.environment)
        arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0
        refused = place.run("car", "--name", "y", **{**flickr.environment, "FLICKR_API_KEY": "wrong" + KEY})
    assert refused.code == 4
    assert all(n in refused.err for n in ("FLICKR_API_KEY", "FLICKR_API_SECRET", "Pro", "--source openverse"))
    texts = [arguments, out, err, refused.out, refused.err]
    texts += [p.read_bytes().decode(errors="replace") for p in place.folder.rglob("*") if p.is_file()]
    assert not any(KEY in t or SECRET in t for t in texts)
    assert not (place.folder / "data/y").exists()


def test_the_key_is_in_no_log(place) -> None:
    (place.folder / "logging_on").mkdir()
    (place.folder / "logging_on/sitecustomize.py").write_text("import logging; logging.basicConfig(level='DEBUG')\n")
    with FlickrServer(photos(20, {})) as flickr:
        path = f"{place.folder / 'logging_on'}:{ROOT}"
        with place.start("car", "--train", "10", "--test", "4", **flickr.environment, PYTHONPATH=path) as process:
            _, err = process.communicate(timeout=60)
    assert process.returncode == 0 and "DEBUG:urllib3" in err
    assert KEY not in err
    assert SECRET not in err


def test_without_a_key_the_message_names_a_source_that_needs_none(place) -> None:
    outcome = place.run("car", "bicycle")
    assert (outcome.code, outcome.out) == (4, "")
    assert outcome.err.count("\n") == 1
    assert all(n in outcome.err for n in ("FLICKR_API_KEY", "FLICKR_API_SECRET", "Pro", "--source openverse"))


def test_a_killed_and_continued_run_gives_the_manifest_of_an_uninterrupted_one(place, tmp_path_factory) -> None:
    kinds = spread([*PERMANENT, *HARMLESS, "near", "exact"], 4)
    args = ("car", "bicycle", "--train", "80", "--test", "25", "--quiet")
    uninterrupted = place.elsewhere(tmp_path_factory.mktemp("uninterrupted"))
    with FlickrServer(photos(150, kinds), latency_seconds=0.05) as flickr:
        uninterrupted.good(*args, **flickr.environment)
    rng = random.Random(7)
    with FlickrServer(photos(150, kinds), latency_seconds=0.05) as flickr:
        for kill in range(8):
            process = place.start(*args, **flickr.environment)
            wanted = sum(flickr.requests.values()) + rng.randint(5, 40)
            while process.poll() is None and sum(flickr.requests.values()) < wanted:
                try:
                    process.wait(timeout=0.01)
                except subprocess.TimeoutExpired:
                    continue
            assert kill > 3 or process.poll() is None, "the run ended before it could be killed"
            process.send_signal(signal.SIGKILL)
            process.communicate()
            if (place.folder / "data/car-bicycle/manifest.jsonl").exists():
                break
        place.good(*args, **flickr.environment)
        assert max(flickr.requests.values()) <= 4
        before = sum(flickr.requests.values())
        assert "nothing to do" in place.good(*args, **flickr.environment).out
        assert sum(flickr.requests.values()) == before
    assert place.lasting("car-bicycle") == uninterrupted.lasting("car-bicycle")


def test_a_growing_dataset_fetches_only_the_difference_and_keeps_every_side(place) -> None:
    with FlickrServer(photos(200, {}, owners=190)) as flickr:
        place.good("car", "bicycle", "--train", "40", "--test", "12", **flickr.environment)
        small = {r["source_id"]: (r["split"], r["file"], r["sha256"]) for r in place.rows("car-bicycle")}
        fetched = sum(flickr.requests.values())
        place.good("car", "bicycle", "--train", "80", "--test", "24", **flickr.environment)
        assert max(flickr.requests.values()) == 1
        assert sum(flickr.requests.values()) <= fetched + 2 * (80 + 24 - 40 - 12) + 10
    grown = {r["source_id"]: (r["split"], r["file"], r["sha256"]) for r in place.rows("car-bicycle")}
    assert len(grown) == 208
    assert {k: grown[k] for k in small} == small
    assert "0 leaks" in place.good("--verify", "car-bicycle").out


def test_a_deleted_file_is_fetched_again(place) -> None:
    with FlickrServer(photos(60, {})) as flickr:
        args = ("car", "bicycle", "--train", "20", "--test", "6")
        place.good(*args, **flickr.environment)
        before, fetched = place.lasting("car-bicycle"), sum(flickr.requests.values())
        (place.folder / "data/car-bicycle" / before[3]["file"]).unlink()
        assert place.run("--verify", "car-bicycle").code == 1
        place.good(*args, **flickr.environment)
        assert sum(flickr.requests.values()) == fetched + 1
    assert place.lasting("car-bicycle") == before
    assert place.good("--verify", "car-bicycle")


def test_past_4000_results_the_search_continues_by_upload_date(place) -> None:
    many = photos(4600, dict.fromkeys(range(4100), "missing-url"), owners=5000, tags=("car",))
    with FlickrServer(many, overclaim=True) as flickr:
        place.good("car", "--train", "300", "--test", "60", "--name", "x", **flickr.environment)
    assert any("min_upload_date" in call for call in flickr.api_calls)
    assert len(place.rows("x")) == 360
    assert max(flickr.requests.values()) == 1


def test_a_shortfall_names_the_class_the_reasons_and_what_to_change(place) -> None:
    with FlickrServer(photos(40, dict.fromkeys(range(10), "404"))) as flickr:
        outcome = place.run("car", "bicycle", "--train", "30", "--test", "10", **flickr.environment)
    assert outcome.code == 3
    assert "bicycle has 30 distinct photos, 40 are needed (30 train + 10 test)" in outcome.err
    assert "10 gone" in outcome.err
    assert "--train 23 --test 7" in outcome.err
    assert not (place.folder / "data/car-bicycle/manifest.jsonl").exists()


def test_a_single_photographer_with_one_burst_is_a_shortfall_that_does_not_advise_split_image(place) -> None:
    with FlickrServer(photos(40, {}, owners=1)) as flickr:
        args = ("car", "--train", "20", "--test", "10", "--name", "x")
        outcome = place.run(*args, **flickr.environment)
        assert outcome.code == 3
        assert "Owner 00@N01" in outcome.err
        assert "--split image" not in outcome.err
        assert place.run(*args, "--split", "image", **flickr.environment).code == 3  # one burst is still one group


def test_only_photos_of_chosen_licences_are_kept_and_credited(place) -> None:
    listed = photos(40, {}, tags=("car",))
    for i, photo in enumerate(listed):
        photo.license = ("4", "5", "11", "3")[i % 4]
    with FlickrServer(listed) as flickr:
        place.good("car", "--train", "14", "--test", "5", "--license", "by", "--name", "x", **flickr.environment)
    assert {r["license"] for r in place.rows("x")} == {"by"}
    credits = (place.folder / "data/x/CREDITS.md").read_text()
    assert "https://creativecommons.org/licenses/by/2.0/" in credits
    assert "https://creativecommons.org/licenses/by/4.0/" in credits
    assert "not endorsed or certified by SmugMug" in credits
    assert all(f"https://www.flickr.com/photos/{r['owner']}/{r['source_id']}" in credits for r in place.rows("x"))


def test_refresh_drops_photos_that_are_gone_or_relicensed(place) -> None:
    with FlickrServer(photos(60, {}, tags=("car",))) as flickr:
        args = ("car", "--train", "20", "--test", "6", "--name", "x")
        place.good(*args, **flickr.environment)
        gone, moved = (place.rows("x")[i]["source_id"] for i in (2, 5))
        flickr.withdrawn.add(gone)
        next(p for p in flickr.photos if p.id == moved).license = "3"
        outcome = place.good("--refresh", "x", **flickr.environment)
        left = {r["source_id"] for r in place.rows("x")}
        assert len(left) == 24
        assert not {gone, moved} & left
        assert "gone" in outcome.out
        assert "relicensed" in outcome.out
        assert place.good("--verify", "x")
        place.good(*args, **flickr.environment)
        filled = {r["source_id"] for r in place.rows("x")}
    assert len(filled) == 26
    assert not {gone, moved} & filled
    assert left < filled


def test_the_outcome_is_available_as_json(place) -> None:
    with FlickrServer(photos(30, {3: "404"}, tags=("car",))) as flickr:
        outcome = place.good("car", "--train", "12", "--test", "4", "--name", "x", "--json", **flickr.environment)
    values = json.loads(outcome.out)
    assert values["counts"] == {"train": {"car": 12}, "test": {"car": 4}}
    assert values["rejected"] == {"gone": 1}
    assert outcome.err == ""


@pytest.mark.parametrize("flag", [("--license", "cc-by"), ("--split", "person"), ("--source", "google")])
def test_wrong_values_are_usage_errors(place, flag) -> None:
    outcome = place.run("car", *flag)
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
