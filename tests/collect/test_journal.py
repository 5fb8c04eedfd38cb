"""The journal: what it keeps, and its errors, which say what to do."""

import errno
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from collect.errors import VggbenchError, exit_codes
from collect.journal import JOURNAL, OWNER, Journal, Photo, PhotoStatus
from collect.manifest import Row
from tests.forked import ROOT


def test_photos_come_back_with_their_status(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        for status in PhotoStatus:
            journal.save(Photo("car", status.value, status))
    with Journal(tmp_path) as journal:
        assert {key: photo.status for key, photo in journal.photos().items()} == {("car", s): s for s in PhotoStatus}
        journal.end_run()
        assert journal.photos()["car", "failed"].status is PhotoStatus.NEW


def test_rows_of_the_manifest_restore_a_removed_journal(tmp_path: Path) -> None:
    row = Row("train/car/1.jpg", "car", "train", "ab", width=70, source_id="1")
    with Journal(tmp_path) as journal:
        journal.save(Photo("car", "2", PhotoStatus.REJECTED))
        journal.restore([row, Row("train/car/2.jpg", "car", "train", "cd", source_id="2")])
        photos = journal.photos()
    assert (photos[row.key].status, photos[row.key].sha256, photos[row.key].width) == ("good", "ab", 70)
    assert photos["car", "2"].status == "rejected"


def test_a_second_collect_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(VggbenchError, match="another collect is running here"):
        Journal(tmp_path)


def test_a_locked_journal_says_who_uses_it_and_for_how_long(tmp_path: Path) -> None:
    with Journal(tmp_path):
        with pytest.raises(VggbenchError, match=rf"\(process {os.getpid()} on '.+', for 0\.\d s\); wait for it"):
            Journal(tmp_path)
        for owner in (
            "[" * 100_000,
            '{"process": "x"}',
            '{"process": 1, "host": "\\u001b", "since": 9e999}',
            "\x00",
            "1",
        ):
            (tmp_path / OWNER).write_text(owner)
            with pytest.raises(
                VggbenchError, match=r"another collect is running here.*; wait for it or stop it"
            ) as caught:
                Journal(tmp_path)
            assert str(caught.value).isprintable()
    assert not (tmp_path / OWNER).exists()


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    code = f"from collect.journal import *; j = Journal(Path({str(tmp_path)!r})); print(1, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, cwd=ROOT) as process:
        assert process.stdout and process.stdout.readline() == b"1\n"
        with pytest.raises(VggbenchError, match=f"process {process.pid} on"):
            Journal(tmp_path)
        process.kill()
        process.wait()
    assert (tmp_path / OWNER).exists()
    with Journal(tmp_path):
        assert json.loads((tmp_path / OWNER).read_text())["process"] == os.getpid()


@pytest.mark.parametrize(
    "damage",
    [
        "extra = 'not json'",
        "extra = '[1]'",
        f"extra = '{'[' * 5000}'",
        "status = 'excellent'",
        "phash = '-123456789abcdef'",
        "phash = 'zzzzzzzzzzzzzzzz'",
        "sha256 = '../../../etc'",
        "thumb = x'00'",
        "thumb = 'text'",
        "width = 'wide'",
        "requests = NULL",
        "class = x'ff'",
    ],
)
def test_a_damaged_record_is_named_and_the_advice_works(damage: str, tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.save(Photo("car", "1", extra='{"taken": 5, "license_url": "x"}'))
        assert journal.photos()["car", "1"].facts() == {"license_url": "x"}
    with sqlite3.connect(tmp_path / JOURNAL) as database:
        database.execute(f"UPDATE photo SET {damage}")
    database.close()
    with pytest.raises(
        VggbenchError, match=r"record of .* in class .* is damaged.* remove it and run the same command"
    ):
        Journal(tmp_path)
    (tmp_path / JOURNAL).unlink()
    Journal(tmp_path).close()


def test_a_damaged_answer_of_an_api_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.keep_answer({"page": 1}, {"photos": []})
        journal._execute("UPDATE answer SET body = ?", ["[" * 100_000])
        with pytest.raises(VggbenchError, match=r"an answer of an API: .* nested too deeply.* remove it"):
            journal.answer({"page": 1})


def test_a_journal_that_cannot_be_used_says_that_it_can_be_removed(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        pass
    with pytest.raises(VggbenchError, match=r"\.journal\.sqlite: the journal cannot be used .* remove it .* stay"):
        journal.photos()  # closed


def test_a_full_disk_is_reported_as_a_full_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Journal(tmp_path) as journal:
        error = journal._explain(sqlite3.OperationalError("database or disk is full"))
    assert isinstance(error, OSError) and error.errno == errno.ENOSPC
    with pytest.raises(SystemExit), exit_codes("collect", "what was fetched is kept"):
        raise error
    assert "disk is full; free some space" in capsys.readouterr().err
