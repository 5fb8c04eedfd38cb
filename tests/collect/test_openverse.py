"""`collect CLASS... --source openverse` against a local Openverse."""

import json
import time

from tests.servers.openverse import CLIENT_ID, CLIENT_SECRET, TOKEN, OpenverseServer


def test_without_a_key_photos_of_the_chosen_licences_come_with_attribution(place) -> None:
    with OpenverseServer(60) as openverse:
        args = ("car", "--source", "openverse", "--train", "20", "--test", "6", "--license", "by,cc0", "--name", "x")
        outcome = place.good(*args, OPENVERSE_API_URL=openverse.url)
    rows = place.rows("x")
    assert len(rows) == 26
    assert {r["license"] for r in rows} == {"by", "cc0"}
    assert all(int(call["page_size"]) <= 20 for call in openverse.calls)
    assert "20 a minute and 200 a day anonymously" in outcome.err
    credits = (place.folder / "data/x/CREDITS.md").read_text()
    assert "https://photos.example/" in credits
    assert "https://creativecommons.org/licenses/by/2.0/" in credits
    assert "0 leaks" in place.good("--verify", "x").out


def test_more_than_240_photos_come_from_several_queries(place) -> None:
    with OpenverseServer(700) as openverse:
        registered = {"OPENVERSE_CLIENT_ID": CLIENT_ID, "OPENVERSE_CLIENT_SECRET": CLIENT_SECRET}
        args = ("car", "--source", "openverse", "--train", "250", "--test", "50", "--name", "x", "--quiet")
        place.good(*args, OPENVERSE_API_URL=openverse.url, **registered)
        assert openverse.registered_calls == len(openverse.calls)
    assert len(place.rows("x")) == 300
    texts = [p.read_bytes().decode(errors="replace") for p in place.folder.rglob("*") if p.is_file()]
    assert not any(secret in t for t in texts for secret in (CLIENT_ID, CLIENT_SECRET, TOKEN))


def test_a_throttled_call_waits_as_long_as_asked(place) -> None:
    with OpenverseServer(40, throttled=1) as openverse:
        started = time.monotonic()
        args = ("car", "--source", "openverse", "--train", "10", "--test", "4", "--name", "x")
        place.good(*args, OPENVERSE_API_URL=openverse.url)
    assert time.monotonic() - started > 1


def test_the_daily_limit_counts_across_runs_and_is_explained(place) -> None:
    (place.folder / "data").mkdir()
    calls = place.folder / "data" / ".openverse_calls_anonymous.json"
    calls.write_text(json.dumps([time.time() - 3600 - i for i in range(199)]))
    with OpenverseServer(100) as openverse:
        args = ("car", "--source", "openverse", "--train", "30", "--test", "10", "--name", "x")
        outcome = place.run(*args, OPENVERSE_API_URL=openverse.url)
        assert len(openverse.calls) == 1
    assert outcome.code == 4
    assert "run the same command after" in outcome.err
    assert "OPENVERSE_CLIENT_ID" in outcome.err


def test_wrong_credentials_are_a_source_error_without_the_secret(place) -> None:
    with OpenverseServer(40) as openverse:
        wrong = {"OPENVERSE_CLIENT_ID": "x", "OPENVERSE_CLIENT_SECRET": "very-secret"}
        outcome = place.run("car", "--source", "openverse", OPENVERSE_API_URL=openverse.url, **wrong)
    assert outcome.code == 4
    assert "very-secret" not in outcome.err
