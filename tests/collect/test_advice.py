"""Shortfalls name the class that lacks photos, and what they advise works. A class never goes to one side alone."""

import re
import shlex
from collections.abc import Mapping

import pytest

from collect.split.assign import split
from collect.split.groups import SplitItem
from tests.collect.test_flickr import photos
from tests.collect.test_metadata import phone_jpeg
from tests.servers.flickr import FlickrServer
from tests.servers.photos import jpeg


def owned(**owners: Mapping[str, int]) -> list[SplitItem]:
    """Photos of each class by each owner: car={"Ann": 3}."""
    return [
        SplitItem(f"{class_}{name}{i}", class_, (f"owner {name}",), None, f"owner {name}")
        for class_, numbers in owners.items()
        for name, number in numbers.items()
        for i in range(number)
    ]


def share_of_test(pool: list[SplitItem], class_: str = "car") -> float:
    """Which part of a class goes to test without counts."""
    sizes = {c: [i for i in pool if i.class_ == c] for c in sorted({i.class_ for i in pool})}
    sides = split(pool, 1, None, {c: max(1, round(0.2 * len(of))) for c, of in sizes.items()}).sides
    return sum(sides[i.id] == "test" for i in sizes[class_]) / len(sizes[class_])


@pytest.mark.parametrize(
    ("owners", "share"),
    [
        ({"Ann": 50, "Bob": 50}, 0.5),
        ({"Ann": 70, "Bob": 30}, 0.3),
        ({"Ann": 30, "Bob": 70}, 0.3),
        ({"Ann": 90, "Bob": 10}, 0.1),
        ({"Ann": 85, "Bob": 10, "Cem": 5}, 0.1),
        ({"Ann": 2, "Bob": 1}, 1 / 3),
        ({"Ann": 99, "Bob": 1}, 0),
        ({"Ann": 99}, 0),
    ],
)
def test_without_counts_a_class_goes_to_test_by_a_half_at_most(owners: dict[str, int], share: float) -> None:
    assert share_of_test(owned(car=owners)) == pytest.approx(share)
    others = {f"o{i}": 1 for i in range(100)}
    assert share_of_test(owned(car=owners, pen=others)) == pytest.approx(share)
    assert share_of_test(owned(car=owners, pen=others), "pen") == pytest.approx(0.2)


def test_only_the_class_whose_groups_do_not_add_up_is_missing_photos() -> None:
    pool = owned(car={f"o{i}": 1 for i in range(30)}, pen={"Ann": 30})
    assignment = split(pool, 1, {"car": 20, "pen": 20}, {"car": 10, "pen": 10})
    assert {class_ for class_, _ in assignment.missing} == {"pen"}
    assert assignment.obstacles == {"pen": "owner Ann has 30 of them"}


def listed(place, server: FlickrServer, owners: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Write a list in which each class has photos of these owners; returns the command."""
    lines, number = ["url,class,owner"], 0
    for class_, names in owners.items():
        for name in names:
            lines.append(f"{server.url}/photo/car{number}.jpg,{class_},{name}")
            number += 1
    (place.folder / "list.csv").write_text("\n".join(lines))
    return "--from", "list.csv", "--quiet", "--allow-private"


def test_the_advice_of_a_shortfall_works(place) -> None:
    with FlickrServer(photos(60, {}, tags=("car",))) as web:
        crowd = [f"o{i}" for i in range(30)]
        command = listed(place, web, {"car": crowd, "pen": ["Ann"] * 15 + ["Bob"] * 3})
        outcome = place.run(*command, "--name", "x", "--train", "12", "--test", "4")
        assert outcome.code == 3 and "Traceback" not in outcome.err
        assert "pen has 18 distinct photos, but no split of whole groups" in outcome.err
        assert "owner Ann (urls:Ann) has 15 of them" in outcome.err
        train, test = map(int, re.search(r"ask for fewer \(--train (\d+) --test (\d+)\)", outcome.err).groups())
        assert train <= 12 and test <= 4
        place.good(*command, "--name", "x", "--train", str(train), "--test", str(test))
        assert "--split image lets photos" in outcome.err
        place.good(*command, "--name", "y", "--train", "12", "--test", "4", "--split", "image")


def test_fewer_is_never_more_and_a_class_that_is_short_is_named_before_one_that_is_not(place) -> None:
    with FlickrServer(photos(60, {}, tags=("car",))) as web:
        command = listed(place, web, {"car": ["Ann"] * 30, "pen": [f"o{i}" for i in range(8)]})
        outcome = place.run(*command, "--name", "x", "--train", "10", "--test", "5")
        assert "pen has 8 distinct photos, 15 are needed" in outcome.err
        assert "ask for fewer" not in outcome.err, "no counts suit one photographer"
        outcome = place.run(*listed(place, web, {"car": ["Ann"] * 30}), "--name", "y", "--train", "20", "--test", "10")
        assert "car has 30 distinct photos, but no split of whole groups has 20 train and 10 test" in outcome.err
        assert "ask for fewer" not in outcome.err and "--split image lets" in outcome.err


def test_one_photographer_is_an_error_and_two_are_a_warning_that_names_split_image(place) -> None:
    with FlickrServer(photos(60, {}, tags=("car",))) as web:
        crowd = [f"o{i}" for i in range(20)]
        outcome = place.run(*listed(place, web, {"car": crowd, "pen": ["Ann"] * 12}), "--name", "x")
        assert outcome.code == 3
        assert "class 'pen' has no usable test images: all 12 are of one photographer; --split image" in outcome.err
        outcome = place.good(*listed(place, web, {"car": crowd, "pen": ["Ann"] * 8 + ["Bob"] * 4}), "--name", "y")
        assert "warning: the photos of pen are of 2 photographers, of whom one is in test; --split image" in outcome.out
        counts = {(r["class"], r["split"]): 0 for r in place.rows("y")}
        assert set(counts) == {(c, s) for c in ("car", "pen") for s in ("train", "test")}


def test_one_burst_is_an_error_whose_advice_is_not_split_image(place) -> None:
    for k, name in enumerate(("cup", "pen")):
        (place.folder / "mine" / name).mkdir(parents=True)
        for i in range(6):
            at = f"2026:05:01 12:00:{2 * i:02}" if k else f"2026:05:01 12:{i:02}:00"
            (place.folder / "mine" / name / f"{i}.jpg").write_bytes(phone_jpeg(10 * k + i, at))
    outcome = place.run("--from", "mine", "--name", "x")
    assert outcome.code == 3
    assert "class 'pen' has no usable test images: burst of acme one at 2026-05-01 12:00:10" in outcome.err
    assert "has 6 of them, which stay together; add images to mine" in outcome.err
    assert "--split" not in outcome.err


def test_photos_at_private_addresses_are_tried_again_when_they_are_allowed(place) -> None:
    with FlickrServer(photos(60, {}, tags=("car",))) as web:
        names = [f"o{i}" for i in range(10)]
        command = listed(place, web, {"car": names, "pen": names})[:-1]
        outcome = place.run(*command, "--name", "x")
        assert outcome.code == 3
        assert "(rejected: 10 private-address; rejected.jsonl says why)" in outcome.err
        assert "--allow-private fetches 10 photos at private addresses" in outcome.err
        assert not web.requests
        outcome = place.run(*command, "--name", "x", "--train", "4", "--test", "1")
        assert "10 private-address" in outcome.err and "--allow-private fetches 20 photos" in outcome.err
        assert "of 2 classes" in place.good(*command, "--name", "x", "--allow-private").out
        assert len(place.rows("x")) == 20


def test_a_finished_dataset_gets_its_private_photos_with_allow_private(place) -> None:
    with FlickrServer(photos(60, {}, tags=("car",))) as web:
        names = [f"o{i}" for i in range(10)]
        command = listed(place, web, {"car": names, "pen": names})[:-1]
        text = (place.folder / "list.csv").read_text().splitlines()
        place.good(*command, "--name", "x", "--allow-private")
        (place.folder / "list.csv").write_text(
            "\n".join([*text, *(f"{web.url}/photo/car{i}.jpg,car,{i}" for i in (40, 41, 42))])
        )
        outcome = place.good(*command, "--name", "x")
        assert "warning: --allow-private would fetch 3 photos at private addresses" in outcome.out
        assert "warning: --allow-private would fetch" not in place.good(*command, "--name", "x", "--allow-private").out


def commands(text: str) -> list[list[str]]:
    """The commands that a list of datasets shows."""
    return [shlex.split(line) for line in text.splitlines() if line.startswith("  collect ")]


def test_an_interrupted_collect_is_listed_with_the_command_that_continues_it(place) -> None:
    with FlickrServer(photos(60, {}, tags=("car",)), latency_seconds=0.3) as web:
        names = [f"o{i}" for i in range(30)]
        command = (*listed(place, web, {"car": names, "pen": names}), "--name", "my set", "--workers", "2")
        with place.start(*command) as process:
            while not list((place.folder / "data").glob("*/.staged/*/*.jpg")):
                assert process.poll() is None
            assert "my set: being collected now" in place.good("--list").out
            process.kill()
            process.communicate()
        shown = place.good("--list").out
        assert re.search(r"^my set: not finished, \d+ photos? so far; run this to continue\n", shown, re.M)
        assert commands(shown) == [["collect", *command]]
        web.latency_seconds = 0.0
        place.good(*commands(shown)[0][1:])
        shown = place.good("--list").out
        assert commands(shown) == [] and "my set: in data/my set" in shown
        assert not (place.folder / "data/my set/.command").exists()


def test_a_run_with_a_secret_is_listed_without_it(place) -> None:
    folder = place.folder / "data/x"
    outcome = place.run("--from", "http://127.0.0.1:9/list.csv?token=SECRET", "--name", "x")
    assert outcome.code == 4 and not folder.exists()
    from collect.resume import note_command, unfinished_runs

    folder.mkdir(parents=True)
    (folder / ".journal.sqlite").touch()
    note_command(folder, "collect --from 'https://ann:pw@host/list.csv?token=SECRET' --name x")
    run = unfinished_runs(place.folder / "data")["x"]
    assert "SECRET" not in run.command and "pw" not in run.command
    assert run.as_lines("x")[0].endswith("run this to continue, with the secret in place of ***")


def everything(place) -> dict[str, int]:
    """The files of a working directory and when they were written."""
    return {str(p): p.stat().st_mtime_ns for p in place.folder.rglob("*")}


def test_a_dry_run_of_a_search_says_what_it_would_ask_and_asks_nothing(place) -> None:
    with FlickrServer(photos(60, {}, tags=("car",))) as web:
        before = everything(place)
        outcome = place.good("car", "pen", "--dry-run", **web.environment)
        assert not web.requests and not web.api_calls and everything(place) == before
    assert "would collect 1,000 train and 300 test photos per class into data/car-pen" in outcome.out
    assert "searches Flickr for 'car', 'pen'; licences: by, by-sa, cc0, pdm" in outcome.out
    assert "at least 7 API requests with 500 photos each; allowed: 3,600 in 60 min" in outcome.out
    assert "requests about 2,600 photos\n  at most 4 requests per photo, 64 at once and 64 per host" in outcome.out
    outcome = place.good("car", "--source", "openverse", "--dry-run")
    assert "20 in 60 s, 200 in 24.0 h" in outcome.out and "waits for these limits: 3 min" in outcome.out
    assert everything(place) == before


def test_a_dry_run_of_what_is_here_counts_it(place) -> None:
    for k, name in enumerate(("cup", "pen")):
        (place.folder / "mine" / name).mkdir(parents=True)
        for i in range(5 + k):
            (place.folder / "mine" / name / f"{i}.jpg").write_bytes(jpeg(10 * k + i))
    (place.folder / "list.csv").write_text("url,class\nhttp://a.example/1.jpg,cup\nhttp://b.example/2.jpg,pen\n")
    before = everything(place)
    shown = place.good("--from", "mine", "--name", "x", "--dry-run").out
    assert "reads mine: 11 images (cup 5, pen 6)" in shown and "no requests; takes about" in shown
    shown = place.good("--from", "list.csv", "--name", "x", "--dry-run").out
    assert "requests about 2 photos of a.example (1), b.example (1)" in shown
    shown = place.good("--dataset", "imagenette-160", "--dry-run").out
    assert "downloads the archive https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz of 99 MB" in shown
    assert "draws 700 pictures" in place.good("--dataset", "sample", "--dry-run").out
    assert everything(place) == before
    place.good("--from", "mine", "--name", "x", "--quiet")
    assert "already complete" in place.good("--from", "mine", "--name", "x", "--dry-run").out
    shown = place.good("--from", "data/x/manifest.jsonl", "--name", "y", "--dry-run").out
    assert "11 images (cup 5, pen 6)" in shown and "no requests" in shown
