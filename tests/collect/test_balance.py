"""Warnings about classes with few photos, or with far fewer than another."""

import pytest

from collect.write import balance_warnings
from tests.servers.photos import jpeg


def counts(train: dict[str, int], test: dict[str, int]) -> dict[str, dict[str, int]]:
    return {"train": train, "test": test}


def test_a_class_with_a_few_photos_beside_a_large_one_needs_more_photos() -> None:
    assert balance_warnings(counts({"bicycle": 16, "car": 320}, {"bicycle": 4, "car": 80})) == [
        "classes are unequal: car has 320 train photos, bicycle 16. Always answering car would be right on 95.2% of "
        "test. Collect more photos of bicycle"
    ]


def test_a_class_with_enough_photos_may_also_be_balanced_by_counts() -> None:
    (line,) = balance_warnings(counts({"bicycle": 120, "car": 627}, {"bicycle": 30, "car": 157}))
    assert line.endswith("Collect more photos of bicycle, or use --train 120 --test 30 to balance")


def test_equal_classes_with_few_photos_are_few() -> None:
    assert balance_warnings(counts({"a": 24, "b": 24}, {"a": 8, "b": 8})) == [
        "few photos: a has 24 train and 8 test photos, and 1 more class has too few. Results will vary by chance; "
        "collect at least 50 train and 20 test photos per class"
    ]


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ({"a": 50, "b": 150}, {"a": 20, "b": 60}),
        ({"a": 1000, "b": 1000}, {"a": 300, "b": 300}),
        ({"a": 700, "b": 700}, {}),
        ({"only": 10}, {"only": 2}),
    ],
)
def test_enough_photos_in_similar_numbers_give_no_warning(train: dict[str, int], test: dict[str, int]) -> None:
    assert balance_warnings(counts(train, test)) == []


def test_many_small_classes_are_one_line() -> None:
    train = {"large": 900, **{f"small{i}": 60 for i in range(6)}}
    (line,) = balance_warnings(counts(train, {name: n // 3 for name, n in train.items()}))
    assert "small0 60, small1 60, small2 60, ..." in line and "photos of small0 and 5 more classes" in line


def test_collect_warns_where_it_makes_an_unequal_dataset(place) -> None:
    for name, number, first in (("car", 60, 0), ("bicycle", 8, 100)):
        (place.folder / "mine" / name).mkdir(parents=True)
        for i in range(number):
            (place.folder / "mine" / name / f"{i}.jpg").write_bytes(jpeg(first + i))
    outcome = place.good("--from", "mine", "--name", "pets")
    assert "warning: classes are unequal: car has 48 train photos, bicycle 6." in outcome.out
