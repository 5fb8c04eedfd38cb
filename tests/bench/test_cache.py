"""Files that are read again: every kind of damage is reported in one line and never read as values."""

import errno
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.cache import (
    HEADER_BYTES,
    ArrayKind,
    open_sealed,
    read_values,
    stored_array,
    write_array,
    write_sealed,
    write_values,
)
from bench.errors import VggbenchError
from tests.bench.damage import DAMAGES, Damage

FORM = "vggbench.numbers/1"
NUMBERS = np.arange(2_400_000, dtype=np.int16).reshape(3000, 800)  # more than one block
KIND = ArrayKind(np.int16, len(NUMBERS))


def write_numbers(path: Path, form: str = FORM) -> None:
    with write_array(path, form, np.int16, NUMBERS.shape, {"seconds": 1.5}) as out:
        out.write(NUMBERS.data)


def stored(path: Path, lines: list[str], kind: ArrayKind = KIND):
    return stored_array(path, FORM, kind, lambda: write_numbers(path), lines.append)


def test_an_array_is_written_once_and_mapped_after_that(tmp_path: Path) -> None:
    path, lines = tmp_path / "home" / "a.numbers", list[str]()
    for is_new in (True, False):
        values, about, was_written = stored(path, lines)
        assert was_written is is_new
        assert about["seconds"] == 1.5
        np.testing.assert_array_equal(values, NUMBERS)
    assert isinstance(values, np.memmap)
    values[0] = 7  # a copy of its own
    assert stored(path, lines)[0][0, 1] == 1
    assert lines == []
    assert [p.name for p in path.parent.iterdir()] == ["a.numbers"]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_array_is_named_in_one_line_and_made_again(damage: Damage, tmp_path: Path) -> None:
    path, lines = tmp_path / "a.numbers", list[str]()
    write_numbers(path)
    damage(path)
    values, _, is_new = stored(path, lines)
    assert is_new
    np.testing.assert_array_equal(values, NUMBERS)
    assert len(lines) == 1 and "\n" not in lines[0]
    assert lines[0].startswith(f"{path}: ") and lines[0].endswith("; it is made again")
    assert not stored(path, lines)[2] and len(lines) == 1


def test_flipped_bits_of_the_header_are_found(tmp_path: Path) -> None:
    path = tmp_path / "a.numbers"
    with write_array(path, FORM, np.int16, (1, 4), {}) as out:
        out.write(NUMBERS[0, :4].data)
    intact = path.read_bytes()
    end = len(intact[:HEADER_BYTES].rstrip()) + 1
    for bit in [*range(0, 8 * end, 5), *range(8 * HEADER_BYTES, 8 * len(intact))]:
        changed = bytearray(intact)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        os.utime(path, ns=(bit, bit))
        lines: list[str] = []
        about = open_sealed(path, FORM, lines.append)
        # white space between the values may turn into other white space
        assert about is None or about == {"dtype": "<i2", "shape": [1, 4]}, bit
        assert (about is None) == (len(lines) == 1), bit


def test_another_version_byte_order_or_number_of_rows_is_not_used(tmp_path: Path) -> None:
    path, lines = tmp_path / "a.numbers", list[str]()
    write_numbers(path, "vggbench.numbers/0")
    assert stored(path, lines)[2]
    about = {"dtype": ">i2", "shape": list(NUMBERS.shape)}
    with write_sealed(path, FORM, about) as out:
        out.write(NUMBERS.astype(">i2").data)
    assert stored(path, lines)[2]
    assert [line.removeprefix(f"{path}: ") for line in lines] == [
        "written by another version; it is made again",
        "holds >i2 x 3,000, not <i2 x 3,000; it is made again",
    ]


def test_a_disk_that_does_not_keep_what_is_written_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.numbers"

    def write_and_flip() -> None:
        write_numbers(path)
        DAMAGES["flipped bit"](path)

    with pytest.raises(VggbenchError, match=r"a\.numbers: the disk does not keep what is written"):
        stored_array(path, FORM, KIND, write_and_flip, lambda line: None)


def test_a_full_disk_is_found_before_the_work_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: int, _start: int, _size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError) as caught:
        write_numbers(tmp_path / "a.numbers")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "a.numbers"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_cannot_reserve_space_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(_file: int, _start: int, _size: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", unsupported)
    assert stored(tmp_path / "a.numbers", [])[2]


def test_what_a_killed_process_left_is_removed_after_a_day(tmp_path: Path) -> None:
    old, new = tmp_path / ".old.part", tmp_path / ".new.part"
    for path, age in ((old, 25 * 3600), (new, 3600)):
        path.touch()
        os.utime(path, (time.time() - age,) * 2)
    write_numbers(tmp_path / "a.numbers")
    assert not old.exists() and new.exists()


VALUES = {"rates": {"a": 0.1, "b": [1, None, "\ud800é"]}}


def test_values_are_what_was_written(tmp_path: Path) -> None:
    path, lines = tmp_path / "values.json", list[str]()
    assert read_values(path, FORM, lines.append) is None
    write_values(path, FORM, VALUES)
    assert read_values(path, FORM, lines.append) == VALUES
    assert lines == []


def _changed(change: Callable[[dict], object]) -> Damage:
    def damage(path: Path) -> None:
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return damage


ODD_TEXTS = ["", "null", "[]", "{}", "3", "[" * 100_000, '{"a":' + "9" * 5000 + "}", '{"a": NaN', "\ud800"]
ODD_VALUES: dict[str, Damage] = {
    **{f"text {i}": (lambda path, text=text: path.write_bytes(text.encode(errors="surrogatepass")))
       for i, text in enumerate(ODD_TEXTS)},
    "older version": _changed(lambda c: c.update(format="vggbench.numbers/0")),
    "other value": _changed(lambda c: c["values"]["rates"].update(a=0.2)),
    "other key": _changed(lambda c: c["values"].update(more=1)),
    "deep value": _changed(lambda c: c.update(values=json.loads("[" * 900 + "]" * 900))),
    "other checksum": _changed(lambda c: c.update(sha256=None)),
    **DAMAGES,
}  # fmt: skip


@pytest.mark.parametrize("damage", ODD_VALUES.values(), ids=ODD_VALUES.keys())
def test_damaged_values_are_named_in_one_line(damage: Damage, tmp_path: Path) -> None:
    path, lines = tmp_path / "values.json", list[str]()
    write_values(path, FORM, VALUES)
    damage(path)
    assert read_values(path, FORM, lines.append) is None
    assert len(lines) == 1 and lines[0].startswith(f"{path}: ") and lines[0].endswith("; it is made again")
