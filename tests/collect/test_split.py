"""The split: exact, leak-free, independent of order, stable when growing."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from collect.split import Item, split


def items(number: int, owners: int, seed: int = 0, tags: tuple[str, ...] = ("car", "bicycle")) -> list[Item]:
    """`number` photos of each class, of `owners` photographers who may photograph both; every tenth has no owner."""
    rng = random.Random(seed)
    return [
        Item(f"{tag}{i}", tag, (f"owner {rng.randrange(owners)}",) if i % 10 else ())
        for tag in tags
        for i in range(number)
    ]


def counted(plan, pool: list[Item]) -> Counter[tuple[str, str]]:
    """Photos by class and side."""
    return Counter((i.class_, plan.sides[i.id]) for i in pool if i.id in plan.sides)


def crossing(plan, pool: list[Item]) -> set[str]:
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
    assert not plan.short
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
    assert not grown.short
    assert {k: grown.sides[k] for k in first} == first
    assert not crossing(grown, pool)


def test_a_newcomer_that_joins_both_sides_is_put_aside() -> None:
    known = [Item("a", "car", ("x",), "train"), Item("b", "car", ("y",), "test")]
    plan = split([*known, Item("new", "car", ("x", "y"))], 1, {"car": 1}, {"car": 1})
    assert plan.sides == {"a": "train", "b": "test"}
    assert plan.bridging == ["new"]


def test_an_impossible_count_names_the_group() -> None:
    pool = [Item(str(i), "car", ("owner Ansel",)) for i in range(9)] + [Item("other", "car")]
    plan = split(pool, 1, {"car": 7}, {"car": 3})
    assert sum(plan.short.values()) > 0
    assert "owner Ansel has 9" in plan.why


def test_large_groups_do_not_hide_an_exact_answer() -> None:
    pool = [Item(f"{g}-{i}", "car", (f"owner {g}",)) for g, size in enumerate((5, 5, 3, 3, 2)) for i in range(size)]
    for seed in range(20):
        plan = split(pool, seed, {"car": 10}, {"car": 8})
        assert not plan.short, plan


def test_without_counts_everything_has_a_side() -> None:
    pool = items(200, 60)
    plan = split(pool, 1, None, {"car": 40, "bicycle": 40})
    assert len(plan.sides) == len(pool)
    assert not crossing(plan, pool)
    assert all(abs(n - 40) <= 15 for (_, side), n in counted(plan, pool).items() if side == "test")
