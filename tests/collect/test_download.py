"""Files at an address: archives that are kept, lists that are not, and probes of photos."""

import hashlib

import pytest

from collect.http import fetch, guard, open_session
from tests.collect.test_archive import published, tgz
from tests.collect.test_flickr import photos
from tests.collect.test_http import serving
from tests.servers.flickr import FlickrServer, send
from tests.servers.photos import jpeg


def test_a_kept_archive_is_checked_against_the_recipe_in_every_run(place, served) -> None:
    folder, url = served
    digest = hashlib.sha256(tgz(folder / "set.tgz", published()).read_bytes()).hexdigest()
    entry = f'[pets]\nsource = "archive"\nurl = "{url}/set.tgz"\nsha256 = "{digest}"\n'
    (place.folder / "datasets.toml").write_text(entry)
    place.good("--dataset", "pets", "--allow-private")
    kept = next((place.folder / "data/.downloads").glob("*/set.tgz"))
    tgz(kept, {f"{c}/{i}.jpg": jpeg(100 * k + i) for k, c in enumerate("ab") for i in range(5)})
    outcome = place.good("--dataset", "pets", "--name", "again", "--allow-private")
    assert "downloading it again" in outcome.err
    assert {r["class"] for r in place.rows("again")} == {"tench", "English_springer"}
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == digest
    (folder / "set.tgz").unlink()
    place.good("--dataset", "pets", "--name", "offline", "--allow-private")


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_list_at_an_address_is_downloaded_again_in_every_run(place, served, kind: str) -> None:
    folder, url = served
    for i in range(8):
        (folder / f"{i}.jpg").write_bytes(jpeg(i))
    lines = ["url,class", *(f"{url}/{i}.jpg,{'ab'[i % 2]}" for i in range(8))]
    (folder / "list.csv").write_text("\n".join(lines))
    place.good("--from", f"{url}/list.csv", "--name", "all", "--allow-private")
    if kind == "jsonl":
        lines = (place.folder / "data/all/manifest.jsonl").read_text().splitlines()
    for number in (len(lines) - 1, len(lines)):
        (folder / f"x.{kind}").write_text("\n".join(lines[:number]))
        place.good("--from", f"{url}/x.{kind}", "--name", f"n{number}", "--allow-private")
    assert [len(place.rows(f"n{n}")) for n in (len(lines) - 1, len(lines))] == [7, 8]


@pytest.mark.parametrize("url", ["http:///x.zip", "http://[bad/x.zip", "http://a..b/x.csv"])
def test_an_invalid_address_is_an_error_of_one_line(place, url: str) -> None:
    outcome = place.run("--from", url, "--name", "x")
    assert outcome.code == 4
    assert outcome.err.count("\n") == 1
    assert url in outcome.err


def test_an_archive_whose_address_redirects_to_itself_is_an_error_of_one_line(place) -> None:
    with serving(lambda h: send(h, 302, b"", {"Location": h.path})) as url:
        outcome = place.run("--from", f"{url}/x.zip", "--name", "x", "--allow-private")
    assert (outcome.code, outcome.err.count("\n")) == (4, 1)


def test_a_probe_asks_for_one_byte_and_reads_no_more() -> None:
    asked = []

    def respond(handler) -> None:
        asked.append(handler.headers["Range"])
        part = handler.path == "/part.jpg"
        send(handler, 206 if part else 200, b"x" if part else bytes(50_000_000))

    with serving(respond) as url, open_session(guard(allow_private=True)) as session:
        assert fetch(session, f"{url}/part.jpg", probe=True) == b"x"
        assert fetch(session, f"{url}/whole.jpg", probe=True) == b""
    assert asked == ["bytes=0-0"] * 2


def test_refresh_waits_as_long_as_a_host_asks(place) -> None:
    with FlickrServer(photos(20, {}, tags=("car",))) as web:
        urls = [f"{web.url}/photo/car{i}.jpg {'ab'[i % 2]}" for i in range(20)]
        (place.folder / "list.txt").write_text("\n".join(urls))
        place.good("--from", "list.txt", "--name", "x", "--allow-private")
        web.requests.clear()
        for i, fault in {2: "429-once", 5: "503-once", 7: "410", 9: "503"}.items():
            web.photos[i].fault = fault
        outcome = place.good("--refresh", "x", "--allow-private")
        assert max(web.requests.values()) == 2
    assert len(place.rows("x")) == 19
    assert "19 of 20 photos checked, 1 dropped" in outcome.out
    assert "1 could not be checked" in outcome.out
