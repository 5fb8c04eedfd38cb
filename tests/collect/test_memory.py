"""Sizes are checked before anything is read, and what is in memory at once is bounded."""

import gzip
import io
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import cast

import pytest
import requests

from collect.candidate import Candidate, RejectError, RejectReason, SourceContext
from collect.errors import SourceError
from collect.fetch import Gatherer
from collect.fetch.entries import MAX_HELD_BYTES
from collect.journal import Journal
from collect.sources.archive import photos
from collect.sources.folder import read_file
from tests.servers.photos import jpeg

MIB = 2**20


def test_a_huge_file_is_rejected_by_its_size(tmp_path: Path) -> None:
    with (tmp_path / "x.jpg").open("wb") as file:
        file.truncate(100 * MIB)
    with pytest.raises(RejectError, match="104,857,600 bytes") as caught:
        read_file(tmp_path / "x.jpg")
    assert caught.value.reason is RejectReason.TOO_LARGE


def test_a_huge_member_is_rejected_by_its_size(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tgz", "w:gz", compresslevel=1) as out:
        for name, data in (("a/1.jpg", bytes(33 * MIB)), ("a/2.jpg", jpeg(1))):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    huge, small = photos(tmp_path / "x.tgz", lambda name: True, tmp_path)
    assert (huge.held_bytes, small.held_bytes, small.read()) == (0, len(jpeg(1)), jpeg(1))
    with pytest.raises(RejectError, match="34,603,008 bytes"):
        huge.read()


def test_a_huge_header_is_refused_by_its_size(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2**30
    (tmp_path / "x.tgz").write_bytes(gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(MIB)))
    with pytest.raises(SourceError, match="a header with 1,073,741,824 bytes"):
        list(photos(tmp_path / "x.tgz", lambda name: True, tmp_path))


def test_photos_of_a_compressed_archive_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    lock, held, most_held, reading, most_reading = threading.Lock(), 0, 0, 0, 0
    data = jpeg(1)

    def read(i: int) -> bytes:
        nonlocal held, reading, most_reading
        with lock:
            reading += 1
            most_reading = max(reading, most_reading)
        time.sleep(0.01)
        with lock:
            reading -= 1
            held -= 40 * MIB
        return data

    def candidates() -> Iterator[Candidate]:
        nonlocal held, most_held
        for i in range(60):
            with lock:
                held += 40 * MIB
                most_held = max(held, most_held)
            yield Candidate("a", str(i), source="archive", read=partial(read, i), held_bytes=40 * MIB)

    with Journal(tmp_path) as journal:
        context = SourceContext(tmp_path, journal, False, lambda line: None, threading.Event())
        session = cast("requests.Session", None)
        with closing(Gatherer(tmp_path, {"": candidates()}, context, session, 64, ())) as gatherer:
            gathered = gatherer.gather({}, lambda snapshot: None)
    assert len(gathered.rows) == 60
    assert most_held <= 2 * MAX_HELD_BYTES + 40 * MIB
    assert most_reading <= 16 and most_reading < 60
