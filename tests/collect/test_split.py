"""The split: exact, leak-free, independent of order, stable when growing."""

import itertools
import random
import time
from collections import Counter
from dataclasses import replace

import pytest

from collect.manifest import Row
from collect.split.assign import split
from collect.split.groups import SplitItem, items_of


def items(number: int, owners: int, seed: int = 0, tags: tuple[str, ...] = ("car", "bicycle")) -> list[SplitItem]:
    """`number` photos of each class, of `owners` photographers who may photograph both; every tenth has no owner."""
    rng = random.Random(seed)
    return [
        SplitItem(f"{tag}{i}", tag, (f"owner {rng.randrange(owners)}",) if i % 10 else ())
        for tag in tags
        for i in range(number)
    ]


def counted(plan, pool: list[SplitItem]) -> Counter[tuple[str, str]]:
    """Photos by class and side."""
    return Counter((i.class_, plan.sides[i.id]) for i in pool if i.id in plan.sides)


def crossing(plan, pool: list[SplitItem]) -> set[str]:
    """Links whose photos stand on both sides."""
    sides: dict[str, set[str]] = {}
    for item in pool:
        for link in item.links:
            if item.id in plan.sides:
                sides.setdefault(link, set()).add(plan.sides[item.id])
    return {link for link, found in sides.items() if len(found) > 1}


@pytest.mark.parametrize("seed", range(20))
def test_exact_counts_and_no_group_on_both_sides(seed: int) -> None:
    rng = random.Random(seed)
    pool = items(rng.randint(120, 200), rng.randint(15, 80), seed)
    plan = split(pool, seed, {"car": 70, "bicycle": 70}, {"car": 25, "bicycle": 25})
    assert not plan.missing
    assert counted(plan, pool) == {(c, s): n for c in ("car", "bicycle") for s, n in (("train", 70), ("test", 25))}
    assert not crossing(plan, pool)
    assert len(plan.sides) + len(plan.surplus) == len(pool)


@pytest.mark.parametrize("seed", range(10))
def test_order_does_not_matter_and_the_seed_does(seed: int) -> None:
    pool = items(150, 40, seed)
    shuffled = random.Random(seed).sample(pool, len(pool))
    counts = {"car": 80, "bicycle": 80}, {"car": 30, "bicycle": 30}
    assert split(pool, 1, *counts).sides == split(shuffled, 1, *counts).sides
    assert split(pool, 1, *counts).sides != split(pool, 2, *counts).sides


@pytest.mark.parametrize("seed", range(10))
def test_growing_moves_nothing(seed: int) -> None:
    pool = items(300, 120, seed)
    first = split(pool[:150] + pool[300:450], 1, {"car": 80, "bicycle": 80}, {"car": 24, "bicycle": 24}).sides
    known = [replace(i, side=first.get(i.id)) for i in pool]
    grown = split(known, 1, {"car": 160, "bicycle": 160}, {"car": 48, "bicycle": 48})
    assert not grown.missing
    assert {k: grown.sides[k] for k in first} == first
    assert not crossing(grown, pool)


def test_a_newcomer_that_joins_both_sides_is_put_aside() -> None:
    known = [SplitItem("a", "car", ("x",), "train"), SplitItem("b", "car", ("y",), "test")]
    plan = split([*known, SplitItem("new", "car", ("x", "y"))], 1, {"car": 1}, {"car": 1})
    assert plan.sides == {"a": "train", "b": "test"}
    assert plan.bridging == ["new"]


def test_an_impossible_count_names_the_group() -> None:
    pool = [SplitItem(str(i), "car", ("owner Ansel",)) for i in range(9)] + [SplitItem("other", "car")]
    plan = split(pool, 1, {"car": 7}, {"car": 3})
    assert sum(plan.missing.values()) > 0
    assert "owner Ansel has 9" in plan.obstacle


def test_large_groups_do_not_hide_an_exact_answer() -> None:
    pool = [SplitItem(f"{g}-{i}", "car", (f"owner {g}",)) for g, size in enumerate((5, 5, 3, 3, 2)) for i in range(size)]
    for seed in range(20):
        plan = split(pool, seed, {"car": 10}, {"car": 8})
        assert not plan.missing, plan


def test_without_counts_everything_has_a_side() -> None:
    pool = items(200, 60)
    plan = split(pool, 1, None, {"car": 40, "bicycle": 40})
    assert len(plan.sides) == len(pool)
    assert not crossing(plan, pool)
    assert all(abs(n - 40) <= 15 for (_, side), n in counted(plan, pool).items() if side == "test")


def brute_force(pool: list[SplitItem], train: Counter[str], test: Counter[str]) -> bool:
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
    found = Counter()
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
        plan = split(pool, seed, train, test)
        possible = brute_force(pool, train, test)
        assert (not plan.missing) == possible, (pool, train, test)
        assert not crossing(plan, pool)
        found[possible] += 1
    assert found[True] > 50
    assert found[False] > 0


def test_owners_of_three_and_two_photos_split_six_to_four() -> None:
    pool = [SplitItem(f"{g}-{i}", "car", (f"owner {g}",)) for g, size in enumerate((3, 3, 2, 2)) for i in range(size)]
    tested = set()
    for seed in range(20):
        plan = split(pool, seed, {"car": 6}, {"car": 4})
        assert not plan.missing
        assert split(pool[::-1], seed, {"car": 6}, {"car": 4}).sides == plan.sides
        tested |= {i for i, side in plan.sides.items() if side == "test"}
    assert tested == {f"{g}-{i}" for g in (2, 3) for i in (0, 1)}


def test_equal_owners_are_chosen_by_the_seed() -> None:
    pool = [SplitItem(f"{g}-{i}", "car", (f"owner {g}",)) for g in range(12) for i in range(5 if g < 6 else 4)]
    plans = [split(pool, seed, {"car": 41}, {"car": 13}) for seed in range(10)]
    assert not any(plan.missing for plan in plans)
    assert len({tuple(sorted(plan.sides.items())) for plan in plans}) > 5


def test_earlier_sides_stand_when_only_an_exact_choice_fits() -> None:
    known = [SplitItem(f"k{i}", "car", ("owner k",), "test") for i in range(2)]
    fresh = [SplitItem(f"{g}-{i}", "car", (f"owner {g}",)) for g, size in enumerate((3, 3, 2, 2)) for i in range(size)]
    for seed in range(10):
        plan = split([*known, *fresh], seed, {"car": 6}, {"car": 6})
        assert not plan.missing
        assert {plan.sides[i.id] for i in known} == {"test"}


def test_many_large_groups_are_settled_in_seconds() -> None:
    rng = random.Random(3)
    pool = [
        SplitItem(f"{owner}{c}{i}", c, (f"owner {owner}",))
        for owner in range(400)
        for c in rng.sample("abcd", rng.choice((1, 1, 2)))
        for i in range(rng.choice((4, 6, 8)))
    ]
    total = Counter(i.class_ for i in pool)
    started = time.monotonic()
    odd = split(pool, 1, {c: n - 101 for c, n in total.items()}, dict.fromkeys(total, 101))  # all groups are even
    assert odd.missing
    even = split(pool, 1, {c: n - 102 for c, n in total.items()}, dict.fromkeys(total, 102))
    assert not even.missing
    assert time.monotonic() - started < 60


def row(name: str, owner: str | None, owner_name: str | None = None, source: str = "urls") -> Row:
    """A row as the split sees it."""
    return Row("", "car", "", name, source=source, source_id=name, owner=owner, owner_name=owner_name)


def links(*rows: Row) -> list[tuple[str, ...]]:
    """What each row must stay together with."""
    return [i.links for i in items_of(rows, "owner", {}, {})]


def test_an_owner_is_known_by_source_and_id_not_by_name() -> None:
    a, b, c = links(row("1", "o7", "Ann"), row("2", "o7"), row("3", "o7", "Ann Other"))
    assert a == b == c != ()
    first, second = links(row("1", "o7", "Ann"), row("2", "o7", "Ann", source="flickr"))
    assert first != second


def test_without_an_id_the_name_is_the_owner() -> None:
    a, b, nobody = links(row("1", None, "Ann"), row("2", None, "Ann"), row("3", None))
    assert a == b != ()
    assert nobody == ()


def test_messages_call_an_owner_by_name() -> None:
    pool = items_of([row(str(i), "o7", "Ann" if i else None) for i in range(9)], "owner", {}, {})
    plan = split([*pool, SplitItem("other", "car")], 1, {"car": 7}, {"car": 3})
    assert plan.obstacle == "owner Ann (urls:o7) has 9 of them"
