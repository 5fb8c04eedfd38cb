"""Damaged and hostile archives: each is read whole or refused with one line, quickly and in little memory.

FUZZ_SECONDS is the least time for random archives (default 0: 300 of them), FUZZ_SEED the first of their seeds.
"""

import bz2
import gzip
import io
import lzma
import os
import random
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest

from collect.candidate import RejectError, SourceContext
from collect.datasets import Dataset
from collect.errors import ShortfallError, SourceError, UsageError
from collect.journal import Journal
from collect.sources.archive import streams

CASES = 300
SECONDS, SEED = float(os.environ.get("FUZZ_SECONDS", "0")), int(os.environ.get("FUZZ_SEED", "0"))
MOST_SECONDS = 2.0
BLOCK = tarfile.BLOCKSIZE
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes,
    ".tgz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.xz": partial(lzma.compress, preset=0),
}
FILES = {
    f"set/{split}/{class_}/{'x' * 95}/{i}.jpg": random.Random(f"{split}{class_}{i}").randbytes(700)
    for split in ("train", "val")
    for class_ in ("cat", "dög")
    for i in range(3)
}


def tar(files: dict[str, bytes] = FILES, form: int = tarfile.PAX_FORMAT) -> bytes:
    """An uncompressed tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zipped() -> bytes:
    """A zip with every compression."""
    out = io.BytesIO()
    methods = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA
    with zipfile.ZipFile(out, "w") as archive:
        for i, (name, data) in enumerate(FILES.items()):
            archive.writestr(name, data, methods[i % len(methods)])
    return out.getvalue()


def read(path: Path) -> dict[str, bytes] | None:
    """What the archive source reads, without members that it rejects; None if it refuses the archive."""
    photos = {}
    try:
        context = SourceContext(path.parent, cast("Journal", None), False, lambda line: None, threading.Event())
        for candidate in streams(Dataset("x", "archive", url=str(path)), context)[""]:
            candidate.source_id.encode(), candidate.class_.encode()
            try:
                photos[candidate.source_id] = cast("Any", candidate.read)()
            except RejectError:
                continue
    except (SourceError, ShortfallError, UsageError) as err:
        assert str(err).count("\n") == 0 and len(str(err)) < 600
        return None
    return photos


def stored(folder: Path, data: bytes, suffix: str = ".tar") -> Path:
    """The bytes as a file."""
    path = folder / f"x{suffix}"
    path.write_bytes(data)
    return path


def flipped(data: bytes, bit: int) -> bytes:
    """The bytes with one bit changed."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def signed(header: bytes) -> bytes:
    """A header with its right checksum."""
    return header[:148] + b"%06o\0 " % (sum(header[:148]) + sum(header[156:512]) + 8 * 32) + header[156:]


@pytest.mark.parametrize("suffix", list(PACKERS)[1:])
def test_one_changed_bit_in_a_compressed_tar_is_noticed(tmp_path: Path, suffix: str) -> None:
    whole, rng = PACKERS[suffix](tar()), random.Random(suffix)
    for _ in range(60):
        result = read(stored(tmp_path, flipped(whole, rng.randrange(8 * len(whole))), suffix))
        assert result is None or result == FILES


def test_one_changed_bit_in_the_header_of_a_tar_is_noticed(tmp_path: Path) -> None:
    whole, rng = tar(form=tarfile.GNU_FORMAT), random.Random(1)
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        headers = [member.offset for member in archive]
    for _ in range(150):
        bit = 8 * rng.choice(headers) + rng.randrange(8 * BLOCK)
        result = read(stored(tmp_path, flipped(whole, bit)))
        assert result is None or result == FILES


@pytest.mark.parametrize("suffix", list(PACKERS))
def test_a_tar_cut_short_anywhere_is_refused(tmp_path: Path, suffix: str) -> None:
    plain, rng = tar(), random.Random(suffix)
    packed = PACKERS[suffix](plain)
    end = len(plain.rstrip(b"\0")) // BLOCK * BLOCK + BLOCK
    for size in (end, end - BLOCK, end - 1, *(rng.randrange(BLOCK, end) for _ in range(12))):
        assert read(stored(tmp_path, PACKERS[suffix](plain[:size]), suffix)) is None
        assert read(stored(tmp_path, packed[: size * len(packed) // len(plain)], suffix)) is None


def test_a_zeroed_header_does_not_end_a_tar(tmp_path: Path) -> None:
    whole = tar()
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        offset = archive.getmembers()[4].offset
    assert read(stored(tmp_path, whole[:offset] + bytes(BLOCK) + whole[offset + BLOCK :])) is None


@pytest.mark.parametrize("suffix", list(PACKERS))
def test_members_in_a_row_are_all_read(tmp_path: Path, suffix: str) -> None:
    pack, plain = PACKERS[suffix], tar()
    assert read(stored(tmp_path, pack(plain[:3000]) + pack(plain[3000:]), suffix)) == FILES
    names = list(FILES)
    parts = [tar({name: FILES[name] for name in part}) for part in (names[:5], names[5:])]
    assert read(stored(tmp_path, pack(parts[0]) + pack(parts[1]), suffix)) == FILES


def test_a_tar_that_ends_with_a_zip_is_read_as_tar(tmp_path: Path) -> None:
    with_zip = tar({**FILES, "set/notes.docx": zipped()})
    assert zipfile.is_zipfile(io.BytesIO(with_zip))
    assert read(stored(tmp_path, with_zip)) == FILES
    assert read(stored(tmp_path, flipped(with_zip, 8))) is None


def test_a_file_gets_no_more_memory_to_unpack_than_any_xz_needs(tmp_path: Path) -> None:
    packed = lzma.compress(tar(), format=lzma.FORMAT_ALONE)
    assert read(stored(tmp_path, packed, ".tar.lzma")) == FILES
    greedy = packed[:1] + (2**30).to_bytes(4, "little") + packed[5:]  # the size of the dictionary
    assert read(stored(tmp_path, greedy, ".tar.lzma")) is None
    padded = lzma.compress(tar()[:5000]) + bytes(4) + lzma.compress(tar()[5000:]) + bytes(8)
    assert read(stored(tmp_path, padded, ".tar.xz")) == FILES


def test_backslashes_of_windows_separate_folders(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, data in FILES.items():
            info = zipfile.ZipInfo(name.replace("/", "\\"))
            info.create_system = 0
            archive.writestr(info, data)
    assert read(tmp_path / "x.zip") == FILES


HOSTILE = (b"1" * 5000, b"9" * 400, b"-512", b"", b"x", b"0,512", b"1,2,3", b"512", b"\xff\xfe", b"1e999", b"BINARY")
KEYS = ("path", "size", "hdrcharset", "mtime", "uid", "linkpath", "comment")
SPARSE = ("map", "size", "numblocks", "offset", "numbytes", "major", "minor", "realsize", "name")


def pax(rng: random.Random) -> bytes:
    """A pax header with junk, and a file that it describes."""
    records = b""
    for key in rng.sample([*KEYS, *(f"GNU.sparse.{name}" for name in SPARSE)], rng.randint(1, 6)):
        body = b" %s=%s\n" % (key.encode(), rng.choice((*HOSTILE, b"0", b"1")))
        size = len(body) + len(str(len(body) + 3))
        records += b"%d%s" % (rng.choice((*[size] * 20, size + 1, 0, 10**6)), body)
    head = signed(tarfile.TarInfo("x").tobuf(tarfile.USTAR_FORMAT)[:124] + b"%011o\0" % len(records) + bytes(376))
    head = signed(head[:156] + rng.choice((*[b"x"] * 8, b"g", b"X", b"L", b"K", b"S")) + head[157:])
    return head + records + bytes(-len(records) % BLOCK) + tar({"set/train/cat/9.jpg": b"data"})[: 2 * BLOCK]


def header_edit(data: bytes, rng: random.Random) -> bytes:
    """One field of one block replaced, with a right checksum."""
    at = rng.randrange(len(data) // BLOCK) * BLOCK
    start, size = rng.choice(((0, 100), (124, 12), (136, 12), (156, 1), (157, 100), (257, 8), (345, 155), (386, 97)))
    junk = rng.choice((b"\xff" * size, b"\x80" + bytes(size - 1), b"7" * size, b"-1".ljust(size), rng.randbytes(size)))
    block = data[at : at + BLOCK]
    return data[:at] + signed(block[:start] + junk[:size] + block[start + size :]) + data[at + BLOCK :]


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The bytes with one kind of damage."""
    if len(data) < BLOCK:
        return data
    at, size = rng.randrange(len(data)), rng.choice((1, 4, 16, BLOCK))
    block = at // BLOCK * BLOCK
    match rng.randrange(6):
        case 0:
            return flipped(data, 8 * at)
        case 1:
            return data[:at]
        case 2:
            return data[:at] + rng.randbytes(size) + data[at + size :]
        case 3:
            return data[:block] + data[block + BLOCK :]
        case 4:
            return data[:block] + pax(rng) + data[block:]
        case _:
            return header_edit(data, rng)


def test_random_damage_ends_in_photos_or_one_line(tmp_path: Path) -> None:
    forms = [tar(form=form) for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]
    ends = time.monotonic() + SECONDS
    for case in count(SEED):
        if case >= SEED + CASES and time.monotonic() >= ends:
            break
        rng = random.Random(case)
        suffix = rng.choice((*PACKERS, ".zip"))
        data = zipped() if suffix == ".zip" else rng.choice(forms)
        for _ in range(rng.randint(1, 3)):
            data = mutated(data, rng)
        path = stored(tmp_path, PACKERS.get(suffix, bytes)(data), suffix)
        started = time.process_time()
        try:
            read(path)
        except Exception as err:
            raise AssertionError(f"case {case}: {type(err).__name__}: {err}") from err
        assert time.process_time() - started < MOST_SECONDS, f"case {case}"
