"""The journal: what it keeps, and its errors, which say what to do."""

import errno
import sqlite3
from pathlib import Path

import pytest

from collect.errors import VggbenchError, exit_codes
from collect.journal import Journal, Photo, PhotoStatus
from collect.manifest import Row


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
