"""Validation images are carved out of train by whole groups."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from bench.data import Source
from bench.data.validation import carve_validation
from bench.errors import UsageError
from collect.manifest import Row


def _source(rows: list[Row]) -> Source:
    return Source("made", Path("made"), tuple(rows), "0" * 64, tuple(sorted({r.class_ for r in rows})))


def _row(number: int, class_: str, owner: str | None = None, phash: str | None = None, sha256: str = "") -> Row:
    digest = sha256 or f"{number:064x}"
    return Row(f"train/{class_}/{number}.jpg", class_, "train", digest, phash=phash, owner=owner)


def test_no_photographer_is_on_both_sides() -> None:
    source = _source([_row(i, ("car", "bicycle")[i % 2], f"owner {i // 5}") for i in range(200)])
    validation = carve_validation(source, range(200), 0.15, 1)
    owners = [{source.rows[i].owner for i in part} for part in (validation, set(range(200)) - validation)]
    assert owners[0].isdisjoint(owners[1])
    by_class = Counter(source.rows[i].class_ for i in validation)
    assert all(10 <= by_class[name] <= 15 for name in ("car", "bicycle"))


def test_near_duplicates_stay_together_also_across_bands_of_bits() -> None:
    base = 0x0123456789ABCDEF
    spread = base ^ (1 << 3 | 1 << 20 | 1 << 40 | 1 << 63)  # four bits, each in another band
    for seed in range(20):
        rows = [_row(i, "car", phash=f"{i * 0x9E3779B97F4A7C15 % 2**64:016x}") for i in range(20)]
        rows += [_row(20, "car", phash=f"{base:016x}"), _row(21, "car", phash=f"{spread:016x}")]
        validation = carve_validation(_source(rows), range(22), 0.3, seed)
        assert (20 in validation) == (21 in validation)
        assert 0 < len(validation) <= 7


def test_equal_files_stay_together() -> None:
    for seed in range(10):
        rows = [_row(i, "car", sha256=f"{min(i, 17):064x}") for i in range(20)]
        validation = carve_validation(_source(rows), range(20), 0.2, seed)
        assert len(validation & {17, 18, 19}) in (0, 3)


def test_the_smallest_group_is_held_out_if_all_are_larger_than_the_share() -> None:
    rows = [_row(i, "car", "many" if i < 6 else "few") for i in range(10)]
    assert carve_validation(_source(rows), range(10), 0.1, 1) == {6, 7, 8, 9}


def test_a_class_of_one_photographer_is_an_error_that_names_the_way_out() -> None:
    source = _source([_row(i, "car", "one") for i in range(10)] + [_row(i, "bicycle") for i in range(10, 20)])
    with pytest.raises(
        UsageError, match=r"class 'car': its 10 train images are .* of too few photographers.*--epochs N"
    ):
        carve_validation(source, range(20), 0.15, 1)


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = [_row(i, "car", f"owner {i // 3}") for i in range(60)]
    forward, backward = _source(rows), _source(rows[::-1])
    chosen = carve_validation(forward, range(60), 0.2, 3)
    assert {forward.rows[i] for i in chosen} == {
        backward.rows[i] for i in carve_validation(backward, range(60), 0.2, 3)
    }
    moved = replace(forward, rows=tuple(replace(r, owner=None) for r in rows))
    assert len(carve_validation(moved, range(60), 0.2, 3)) == 12
