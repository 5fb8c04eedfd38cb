"""From flags to recipes."""

import pytest

from bench.errors import UsageError
from bench.plans import expand_recipes, public_recipe
from bench.recipes import make_recipe


def test_comma_separated_values_make_every_combination_once() -> None:
    flags = {"arch": "vgg11,vgg16_bn", "init": "he,default", "size": "64"}
    recipes = expand_recipes(["scratch-vgg", "baseline-cnn"], flags, flags)
    assert [m for m, _ in recipes].count("scratch-vgg") == 4
    assert [m for m, _ in recipes].count("baseline-cnn") == 2
    assert {(r.arch, r.init) for m, r in recipes if m == "scratch-vgg"} == {
        ("vgg11", "he"), ("vgg11", "default"), ("vgg16_bn", "he"), ("vgg16_bn", "default"),
    }  # fmt: skip


def heads(models: list[str], head: str) -> set[tuple[str, str | None]]:
    return {(model, recipe.head) for model, recipe in expand_recipes(models, {"head": head}, {"head": head})}


def test_scratch_vgg_has_the_papers_head_or_a_pooled_one() -> None:
    assert heads(["scratch-vgg"], "classifier,pooled") == {("scratch-vgg", None), ("scratch-vgg", "pooled")}
    assert heads(["scratch-vgg", "frozen-vgg"], "last") == {("scratch-vgg", None), ("frozen-vgg", "last")}
    assert heads(["scratch-vgg", "frozen-vgg"], "pooled") == {("scratch-vgg", "pooled"), ("frozen-vgg", "pooled")}
    for head in ("mlp256", "last", "pooled,last"):
        with pytest.raises(UsageError, match=rf"^--head {head.split(',')[-1]} has no effect on scratch-vgg; leave it"):
            heads(["scratch-vgg"], head)
    with pytest.raises(UsageError, match=r"^--head has no effect on baseline-cnn"):
        heads(["baseline-cnn"], "pooled")
    with pytest.raises(UsageError, match=r"^head=none: frozen-vgg needs a new head; choose from mlp256, "):
        heads(["frozen-vgg"], "none")


def test_the_papers_own_head_is_not_recorded_so_that_older_runs_keep_their_names() -> None:
    default = make_recipe("scratch-vgg", {})
    assert make_recipe("scratch-vgg", {"head": "classifier"}) == default
    assert "head" not in public_recipe("scratch-vgg", default)
    assert public_recipe("scratch-vgg", make_recipe("scratch-vgg", {"head": "pooled"}))["head"] == "pooled"
