"""Secrets in addresses: they reach no file, no screen and no message, and what that means for fetching again."""

import json
import sqlite3
from collections import Counter

import pytest

from collect.cli import app
from collect.errors import exit_codes
from collect.redact import is_redacted, redact
from tests.collect.conftest import Outcome
from tests.collect.test_archive import published, tgz
from tests.collect.test_flickr import photos
from tests.servers.flickr import FlickrServer

SECRETS = ("hunter2", "t0psecret", "s1gned", "4pikey", "n3sted")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://host/x.jpg?w=800&h=60", "https://host/x.jpg?w=800&h=60"),
        ("https://ana:hunter2@host:80/x.jpg", "https://***@host:80/x.jpg"),
        ("https://t0psecret@host/x.jpg", "https://***@host/x.jpg"),
        ("https://ana:hun@ter2@host/x.jpg", "https://***@host/x.jpg"),
        ("https://ana:hun/ter2@host/x.jpg", "https://***@host/x.jpg"),
        ("ana:hunter2@host/x.jpg", "***@host/x.jpg"),
        ("https://www.flickr.com/photos/12@N01/1", "https://www.flickr.com/photos/12@N01/1"),
        ("http://host:80/a@b.jpg", "http://host:80/a@b.jpg"),
        ("http://[::1]:80/a@b.jpg", "http://[::1]:80/a@b.jpg"),
        ("12@N01", "12@N01"),
        ("https://h/x?api_key=4pikey&w=8", "https://h/x?api_key=***&w=8"),
        ("https://h/x?w=8&Token=t0psecret#a", "https://h/x?w=8&Token=***#a"),
        ("https://h/x?X-Amz-Signature=s1gned&X-Amz-Date=1", "https://h/x?X-Amz-Signature=***&X-Amz-Date=1"),
        ("https://h/x?AWSAccessKeyId=4pikey&Signature=s1gned", "https://h/x?AWSAccessKeyId=***&Signature=***"),
        ("https://h/x?sv=1&sig=s1gned", "https://h/x?sv=1&sig=***"),
        ("https://h/x?api%5Fkey=4pikey", "https://h/x?api%5Fkey=***"),
        ("https://h/x;jsessionid=t0psecret?a=1", "https://h/x;jsessionid=***"),
        ("https://h/x#access_token=t0psecret", "https://h/x#access_token=***"),
        ("https://h/x?u=https%3A%2F%2Fh%2Fy%3Ftoken%3Dn3sted", "https://h/x?u=***"),
        ("cannot GET /x?token=t0psecret (HTTP 403)", "cannot GET /x?token=*** (HTTP 403)"),
        ("https://maps/photo?key=AIzaSy-0123456789_abc", "https://maps/photo?key=***"),
        ("https://h/get?key=photos/1.jpg&Key=17", "https://h/get?key=photos/1.jpg&Key=17"),
        ("https://h/design?monkeys=3&turkey_day=1", "https://h/design?monkeys=3&turkey_day=1"),
        ("", ""),
    ],
)
def test_secrets_become_stars_and_nothing_else_does(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert redact(shown) == shown
    assert is_redacted(text) is False
    assert is_redacted(shown) is (shown != text)


def test_long_hostile_text_is_redacted_in_time() -> None:
    for unit in ("//a:b", "//", "?a=", "&token", "%25", "@", "=", "//x@"):
        assert redact(unit * 20_000)


@pytest.fixture
def run(place, monkeypatch, capsys):
    """`collect ARGS` within this process, which is faster than one of its own."""
    monkeypatch.chdir(place.folder)

    def run(*args: str) -> Outcome:
        try:
            with exit_codes("collect", "kept"):
                code = app([*args, "--allow-private"], standalone_mode=False) or 0
        except SystemExit as err:
            code = err.code
        return Outcome(code, *capsys.readouterr())

    return run


def everything_written(place) -> str:
    """All files of a working folder but what was put there by hand, as text, and the journals' values."""
    texts = [p.read_bytes().decode(errors="replace") for p in (place.folder / "data").rglob("*") if p.is_file()]
    for path in place.folder.glob("data/*/.journal.sqlite"):
        with sqlite3.connect(path) as database:
            for table in ("photo", "meta", "answer"):
                texts += map(repr, database.execute(f"SELECT * FROM {table}"))
        database.close()
    return "\n".join([*texts, *(str(p.relative_to(place.folder)) for p in place.folder.rglob("*"))])


def test_secrets_of_a_list_reach_no_file_and_no_screen_and_the_photos_can_be_refreshed(place, run) -> None:
    with FlickrServer(photos(30, {3: "404"}, tags=("car",))) as web:
        web.redirects["/moved?token=t0psecret"] = "/photo/car1.jpg?signature=s1gned"
        private = web.url.replace("//", "//ana:hunter2@")
        urls = [f"{private}/photo/car{i}.jpg?api_key=4pikey&token=t0psecret" for i in range(2, 12)]
        urls += [f"{web.url}/moved?token=t0psecret", *(f"{web.url}/photo/car{i}.jpg" for i in range(20, 24))]
        urls += [f"http://ana:hunter2@[::1/x{i}.jpg?token=t0psecret" for i in range(2)]
        lines = [f"{url},{'ab'[i % 2]},{private}/people?token=t0psecret,{private}/page" for i, url in enumerate(urls)]
        (place.folder / "list.csv").write_text("\n".join(["url,class,owner,page_url", *lines]))
        args = ("--from", "list.csv", "--name", "x", "--split", "image")
        outcome = run(*args)
        assert len(place.rows("x")) == 14
        again = run(*args)
        rows = place.rows("x")
        (place.folder / "data/x" / rows[0]["file"]).unlink()
        repaired = run(*args)
        assert [r["sha256"] for r in place.rows("x")] == [r["sha256"] for r in rows]
        gone = next(r["url"] for r in rows if "***" not in r["url"] and r["split"] == "train")
        web.photos[int(gone.rpartition("/car")[2].removesuffix(".jpg"))].fault = "404"
        refreshed = run("--refresh", "x")
        assert "10 could not be checked and stay" in refreshed.out
        assert len(place.rows("x")) == 13
        (place.folder / "elsewhere").mkdir()
        manifest = place.folder / "elsewhere/manifest.jsonl"
        manifest.write_bytes((place.folder / "data/x/manifest.jsonl").read_bytes())
        rebuilt = run("--from", "elsewhere/manifest.jsonl", "--name", "y")
    assert rebuilt.code != 0
    texts = [everything_written(place)]
    for run in (outcome, again, repaired, refreshed, rebuilt):
        texts += [run.out, run.err]
    assert not [secret for secret in SECRETS if any(secret in text for text in texts)]
    assert sum("***" in r["url"] for r in place.rows("x")) == 10
    rejected = place.rows("x", "rejected.jsonl")
    assert {"gone", "bad-url"} == {r["reason"] for r in rejected}


def test_addresses_that_differ_only_in_secrets_stay_different_photos_and_new_secrets_change_nothing(place, run) -> None:
    with FlickrServer(photos(12, {}, tags=("car",))) as web:
        for i in range(12):
            web.redirects[f"/p?sig={i}"] = web.redirects[f"/p?sig=new{i}"] = f"/photo/car{i}.jpg"
        for prefix in ("", "new"):
            lines = [f"{web.url}/p?sig={prefix}{i} {'ab'[i % 2]}" for i in range(12)]
            (place.folder / "list.txt").write_text("\n".join([*lines, lines[0]]))
            run("--from", "list.txt", "--name", "x")
            numbers = ("", "#2", "#3", "#4", "#5", "#6")
            assert Counter(r["source_id"] for r in place.rows("x")) == {f"{web.url}/p?sig=***{n}": 2 for n in numbers}
        assert not [path for path in web.requests if "new" in path]


def test_secrets_in_the_address_of_an_archive_are_sent_but_not_kept(place, run, served) -> None:
    folder, url = served
    tgz(folder / "set.tgz", published())
    private = url.replace("//", "//ana:hunter2@") + "/set.tgz?token=t0psecret"
    outcomes = [run("--from", private, "--name", "x") for _ in range(2)]
    assert "nothing to do" in outcomes[1].out
    outcomes.append(run("--from", private.replace("t0psecret", "4pikey"), "--name", "x"))
    assert (
        f'url = "{url.replace("//", "//***@")}/set.tgz?token=***"' in (place.folder / "data/x/dataset.toml").read_text()
    )
    (place.folder / "elsewhere").mkdir()
    manifest = place.folder / "elsewhere/manifest.jsonl"
    manifest.write_bytes((place.folder / "data/x/manifest.jsonl").read_bytes())
    outcomes.append(run("--from", "elsewhere/manifest.jsonl", "--name", "y"))
    assert "its address holds a secret" in everything_written(place)
    outcomes.append(run("--from", private.replace("set", "none"), "--name", "z"))
    outcomes.append(run("--from", f"{url}/x.zip?token=***", "--name", "z"))
    outcomes.append(run("--from", "ftp://ana:hunter2@host/x.zip", "--name", "z"))
    assert [o.code for o in outcomes[-3:]] == [4, 4, 2]
    assert "give the full address" in outcomes[-2].err
    texts = [everything_written(place), *(o.out for o in outcomes), *(o.err for o in outcomes)]
    assert not [secret for secret in SECRETS if any(secret in text for text in texts)]
    assert json.loads(manifest.read_text().splitlines()[0])["url"].endswith("set.tgz?token=***")
