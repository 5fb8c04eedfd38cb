"""The split: exact, leak-free, independent of order, stable when a dataset grows."""

import hashlib
import itertools
import random
import time
from collections import Counter
from dataclasses import replace

import pytest

from collect.manifest import Row
from collect.selection import _place
from collect.split.assign import Assignment, split
from collect.split.groups import SplitItem, items_of, ranking


def items(number: int, owners: int, seed: int = 0, tags: tuple[str, ...] = ("car", "bicycle")) -> list[SplitItem]:
    """`number` photos of each class, of `owners` photographers who may photograph both; every tenth has no owner."""
    rng = random.Random(seed)
    return [
        SplitItem(f"{tag}{i}", tag, (f"owner {rng.randrange(owners)}",) if i % 10 else ())
        for tag in tags
        for i in range(number)
    ]


def photos_by_side(assignment: Assignment, pool: list[SplitItem]) -> Counter[tuple[str, str]]:
    """Photos by class and side."""
    return Counter((i.class_, assignment.sides[i.id]) for i in pool if i.id in assignment.sides)


def links_in_both(assignment: Assignment, pool: list[SplitItem]) -> set[str]:
    """Links whose photos are in both train and test."""
    sides: dict[str, set[str]] = {}
    for item in pool:
        for link in item.links:
            if item.id in assignment.sides:
                sides.setdefault(link, set()).add(assignment.sides[item.id])
    return {link for link, both in sides.items() if len(both) > 1}


@pytest.mark.parametrize("seed", range(20))
def test_counts_are_exact_and_no_group_is_in_both(seed: int) -> None:
    rng = random.Random(seed)
    pool = items(rng.randint(120, 200), rng.randint(15, 80), seed)
    assignment = split(pool, seed, {"car": 70, "bicycle": 70}, {"car": 25, "bicycle": 25})
    assert not assignment.missing
    assert photos_by_side(assignment, pool) == {
        (c, s): n for c in ("car", "bicycle") for s, n in (("train", 70), ("test", 25))
    }
    assert not links_in_both(assignment, pool)
    assert assignment.sides.keys() <= {i.id for i in pool}


@pytest.mark.parametrize("seed", range(10))
def test_the_split_depends_on_the_seed_and_not_on_the_order(seed: int) -> None:
    pool = items(150, 40, seed)
    shuffled = random.Random(seed).sample(pool, len(pool))
    counts = {"car": 80, "bicycle": 80}, {"car": 30, "bicycle": 30}
    assert split(pool, 1, *counts).sides == split(shuffled, 1, *counts).sides
    assert split(pool, 1, *counts).sides != split(pool, 2, *counts).sides


@pytest.mark.parametrize("seed", range(10))
def test_photos_keep_their_side_when_a_dataset_grows(seed: int) -> None:
    pool = items(300, 120, seed)
    first = split(pool[:150] + pool[300:450], 1, {"car": 80, "bicycle": 80}, {"car": 24, "bicycle": 24}).sides
    known = [replace(i, side=first.get(i.id)) for i in pool]
    grown = split(known, 1, {"car": 160, "bicycle": 160}, {"car": 48, "bicycle": 48})
    assert not grown.missing
    assert {k: grown.sides[k] for k in first} == first
    assert not links_in_both(grown, pool)


def test_a_new_photo_that_would_join_train_and_test_is_set_aside() -> None:
    known = [SplitItem("a", "car", ("x",), "train"), SplitItem("b", "car", ("y",), "test")]
    assignment = split([*known, SplitItem("new", "car", ("x", "y"))], 1, {"car": 1}, {"car": 1})
    assert assignment.sides == {"a": "train", "b": "test"}
    assert assignment.bridging == ["new"]


def test_the_largest_group_is_named_when_counts_are_impossible() -> None:
    pool = [SplitItem(str(i), "car", ("owner Ansel",)) for i in range(9)] + [SplitItem("other", "car")]
    assignment = split(pool, 1, {"car": 7}, {"car": 3})
    assert sum(assignment.missing.values()) > 0
    assert "owner Ansel has 9" in assignment.obstacles["car"]


def test_an_exact_split_of_few_large_groups_is_found() -> None:
    pool = [
        SplitItem(f"{g}-{i}", "car", (f"owner {g}",)) for g, size in enumerate((5, 5, 3, 3, 2)) for i in range(size)
    ]
    for seed in range(20):
        assignment = split(pool, seed, {"car": 10}, {"car": 8})
        assert not assignment.missing, assignment


def test_without_train_counts_every_photo_has_a_side() -> None:
    pool = items(200, 60)
    assignment = split(pool, 1, None, {"car": 40, "bicycle": 40})
    assert len(assignment.sides) == len(pool)
    assert not links_in_both(assignment, pool)
    assert all(abs(n - 40) <= 15 for (_, side), n in photos_by_side(assignment, pool).items() if side == "test")


def exact_split_exists(pool: list[SplitItem], train: Counter[str], test: Counter[str]) -> bool:
    """Whether any choice of whole owners gives every class its counts."""
    sizes: dict[str, Counter[str]] = {}
    for item in pool:
        sizes.setdefault(item.links[0], Counter())[item.class_] += 1
    total = Counter(i.class_ for i in pool)
    for choice in itertools.product((0, 1), repeat=len(sizes)):
        tested: Counter[str] = sum(itertools.compress(sizes.values(), choice), Counter())
        if all(tested[c] >= test[c] and total[c] - tested[c] >= train[c] for c in total):
            return True
    return False


@pytest.mark.parametrize("classes", ["a", "ab", "abc"])
def test_an_exact_split_is_found_whenever_there_is_one(classes: str) -> None:
    rng = random.Random(len(classes))
    outcomes = Counter()
    for seed in range(150):
        pool = [
            SplitItem(f"{owner}{c}{i}", c, (f"owner {owner}",))
            for owner in range(rng.randint(3, 8))
            for c in rng.sample(classes, rng.randint(1, len(classes)))
            for i in range(rng.randint(1, 5))
        ]
        total = Counter(i.class_ for i in pool)
        test = Counter({c: rng.randint(0, n) for c, n in total.items()})
        if seed % 2:  # counts that some choice of owners gives
            half = {links for links in sorted({i.links for i in pool}) if rng.random() < 0.5}
            test = Counter(i.class_ for i in pool if i.links in half)
        spare = rng.randint(0, 1)
        train = Counter({c: max(0, n - test[c] - spare) for c, n in total.items()})
        assignment = split(pool, seed, train, test)
        possible = exact_split_exists(pool, train, test)
        assert (not assignment.missing) == possible, (pool, train, test)
        assert not links_in_both(assignment, pool)
        outcomes[possible] += 1
    assert outcomes[True] > 50
    assert outcomes[False] > 0


def test_owners_of_three_and_two_photos_split_six_to_four() -> None:
    pool = [SplitItem(f"{g}-{i}", "car", (f"owner {g}",)) for g, size in enumerate((3, 3, 2, 2)) for i in range(size)]
    tested = set()
    for seed in range(20):
        assignment = split(pool, seed, {"car": 6}, {"car": 4})
        assert not assignment.missing
        assert split(pool[::-1], seed, {"car": 6}, {"car": 4}).sides == assignment.sides
        tested |= {i for i, side in assignment.sides.items() if side == "test"}
    assert tested == {f"{g}-{i}" for g in (2, 3) for i in (0, 1)}


def test_the_seed_chooses_among_owners_with_equally_many_photos() -> None:
    pool = [SplitItem(f"{g}-{i}", "car", (f"owner {g}",)) for g in range(12) for i in range(5 if g < 6 else 4)]
    assignments = [split(pool, seed, {"car": 41}, {"car": 13}) for seed in range(10)]
    assert not any(assignment.missing for assignment in assignments)
    assert len({tuple(sorted(assignment.sides.items())) for assignment in assignments}) > 5


def test_earlier_sides_are_kept_when_only_one_combination_fits() -> None:
    known = [SplitItem(f"k{i}", "car", ("owner k",), "test") for i in range(2)]
    fresh = [SplitItem(f"{g}-{i}", "car", (f"owner {g}",)) for g, size in enumerate((3, 3, 2, 2)) for i in range(size)]
    for seed in range(10):
        assignment = split([*known, *fresh], seed, {"car": 6}, {"car": 6})
        assert not assignment.missing
        assert {assignment.sides[i.id] for i in known} == {"test"}


def large_owners(sizes: tuple[int, ...], seed: int, number: int = 400) -> list[SplitItem]:
    """Owners with photos of one or two of four classes, so many of each as one of `sizes` says."""
    rng = random.Random(seed)
    return [
        SplitItem(f"{owner}{c}{i}", c, (f"owner {owner}",))
        for owner in range(number)
        for c in rng.sample("abcd", rng.choice((1, 1, 2)))
        for i in range(rng.choice(sizes))
    ]


def test_an_odd_count_of_even_groups_is_impossible_and_an_even_one_is_found() -> None:
    pool = large_owners((4, 6, 8), seed=3)
    total = Counter(i.class_ for i in pool)
    started = time.monotonic()
    odd = split(pool, 1, {c: n - 101 for c, n in total.items()}, dict.fromkeys(total, 101))
    assert odd.missing
    even = split(pool, 1, {c: n - 102 for c, n in total.items()}, dict.fromkeys(total, 102))
    assert not even.missing
    assert time.monotonic() - started < 20


def test_owners_that_span_classes_make_an_odd_sum_impossible() -> None:
    sizes = ((1, 1), (3, 1), (1, 3), (2, 2))  # of a and b: every sum is even, each number alone may be odd
    pool = [
        SplitItem(f"{owner}{class_}{i}", class_, (f"owner {owner}",))
        for owner in range(400)
        for class_, number in zip("ab", sizes[owner % 4], strict=True)
        for i in range(number)
    ]
    total = Counter(i.class_ for i in pool)
    for test, possible in ({"a": 151, "b": 150}, False), ({"a": 151, "b": 151}, True):
        assignment = split(pool, 1, {c: n - test[c] for c, n in total.items()}, test)
        assert (not assignment.missing) == possible
        assert not links_in_both(assignment, pool)


def test_when_a_class_has_too_few_photos_only_the_difference_is_missing() -> None:
    pool = items(30, 12)[:40]  # 30 cars, 10 bicycles
    assignment = split(pool, 1, {"car": 20, "bicycle": 20}, {"car": 10, "bicycle": 10})
    assert sum(n for (class_, _), n in assignment.missing.items() if class_ == "bicycle") == 20


def test_small_and_large_owners_have_their_share_of_test() -> None:
    pool = [SplitItem(f"{g}-{i}", "car", (f"owner {g}",)) for g in range(400) for i in range(1 + g % 4)]
    sides = split(pool, 1, {"car": 750}, {"car": 250}).sides
    tested = Counter(1 + int(i.id.split("-")[0]) % 4 for i in pool if i.id.endswith("-0") and sides[i.id] == "test")
    assert all(abs(tested[size] - 25) <= 2 for size in (1, 2, 3, 4)), tested


def digest(assignment: Assignment) -> str:
    """A short hash of all sides."""
    return hashlib.sha256(repr(sorted(assignment.sides.items())).encode()).hexdigest()[:16]


def test_the_split_is_the_stored_one_on_every_version_of_scipy() -> None:
    owners = {"Ann": "aab", "Bob": "bb", "Cem": "a", "Dan": "abbb", "Eva": "aa", "Fay": "b", "Gus": "ab"}
    small = [SplitItem(f"{o}{i}", c, (f"owner {o}",)) for o, classes in owners.items() for i, c in enumerate(classes)]
    sides = split(small, 1, {"a": 4, "b": 5}, {"a": 3, "b": 4}).sides
    assert {i[:3] for i, side in sides.items() if side == "test"} == {"Bob", "Eva", "Fay", "Gus"}
    large = large_owners((1, 1, 1, 2, 3, 5, 8, 13), seed=7, number=600)
    train, test = dict.fromkeys("abcd", 500), dict.fromkeys("abcd", 143)
    assignment = split(large, 1, train, test)
    assert photos_by_side(assignment, large) == {
        (c, side): n for side, n in (("train", 500), ("test", 143)) for c in "abcd"
    }
    assert digest(assignment) == "804526599efbe116"
    without_counts = split(large, 2, None, test)
    assert digest(without_counts) == "69f6f70a84f39520"


def test_photos_without_owners_are_split_by_rank_alone() -> None:
    pool = [SplitItem(f"{c}{i}", c) for c in "ab" for i in range(60)]
    sides = split(pool, 1, {"a": 30, "b": 30}, {"a": 12, "b": 12}).sides
    for class_ in "ab":
        for_test = sorted((i.id for i in pool if i.class_ == class_), key=lambda i: ranking(1, f"item {i}"))
        assert {i for i in for_test if sides.get(i) == "test"} == set(for_test[:12])
        for_train = sorted(for_test[12:], key=lambda i: ranking(1, i))
        assert {i for i in for_train if sides.get(i) == "train"} == set(for_train[:30])
    assert digest(split(pool, 1, {"a": 30, "b": 30}, {"a": 12, "b": 12})) == "32ab5cfe0780a858"


def row(name: str, owner: str | None, owner_name: str | None = None, source: str = "urls") -> Row:
    """A row as the split sees it."""
    return Row("", "car", "", name, source=source, source_id=name, owner=owner, owner_name=owner_name)


def links(*rows: Row) -> list[tuple[str, ...]]:
    """The names that tie each row to others."""
    return [i.links for i in items_of(rows, "owner", {}, {})]


def test_an_owner_is_identified_by_source_and_id_not_by_name() -> None:
    a, b, c = links(row("1", "o7", "Ann"), row("2", "o7"), row("3", "o7", "Ann Other"))
    assert a == b == c != ()
    first, second = links(row("1", "o7", "Ann"), row("2", "o7", "Ann", source="flickr"))
    assert first != second


def test_an_owner_without_an_id_is_identified_by_name() -> None:
    a, b, nobody = links(row("1", None, "Ann"), row("2", None, "Ann"), row("3", None))
    assert a == b != ()
    assert nobody == ()


def test_messages_give_the_name_of_an_owner() -> None:
    pool = items_of([row(str(i), "o7", "Ann" if i else None) for i in range(9)], "owner", {}, {})
    assignment = split([*pool, SplitItem("other", "car")], 1, {"car": 7}, {"car": 3})
    assert assignment.obstacles == {"car": "owner Ann (urls:o7) has 9 of them"}


def test_every_photo_is_either_placed_or_listed_as_unused() -> None:
    pool = items(150, 40)
    rows = [Row("", item.class_, "", item.id, source_id=item.id) for item in pool]
    placed, unused = _place(rows, split(pool, 1, {"car": 50, "bicycle": 50}, {"car": 15, "bicycle": 15}))
    assert len(placed) == 130
    assert sorted([r.source_id for r in placed] + [r.source_id for r in unused]) == sorted(item.id for item in pool)


def test_thousands_of_classes_are_split_in_seconds() -> None:
    classes = [f"class {i}" for i in range(5000)]
    pool = [SplitItem(f"{name}-{i}", name, (f"{name} {i // 2}",)) for name in classes for i in range(4)]
    started = time.process_time()
    assignment = split(pool, 1, None, dict.fromkeys(classes, 1))
    assert time.process_time() - started < 10
    assert photos_by_side(assignment, pool) == {(name, side): 2 for name in classes for side in ("train", "test")}
