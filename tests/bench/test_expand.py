"""From flags to recipes."""

from bench.plans import expand_recipes


def test_comma_separated_values_make_every_combination_once() -> None:
    flags = {"arch": "vgg11,vgg16_bn", "init": "he,default", "size": "64"}
    recipes = expand_recipes(["scratch-vgg", "baseline-cnn"], flags, flags)
    assert [m for m, _ in recipes].count("scratch-vgg") == 4
    assert [m for m, _ in recipes].count("baseline-cnn") == 2
    assert {(r.arch, r.init) for m, r in recipes if m == "scratch-vgg"} == {
        ("vgg11", "he"), ("vgg11", "default"), ("vgg16_bn", "he"), ("vgg16_bn", "default"),
    }  # fmt: skip
