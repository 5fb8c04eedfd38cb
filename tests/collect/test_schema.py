"""The one strict parser of TOML tables, manifest lines and records."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest

from collect.datasets import Dataset, dataset_table, parse_dataset, parse_file
from collect.errors import UsageError, VggbenchError
from collect.schema import parse_values
from collect.write import Collected, read_dataset_file, remember_recipe
from collect.write.recipe import write_dataset_file


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Part:
    name: str
    size: float = 0.0


@dataclass(frozen=True)
class Holder:
    part: Part | None


@dataclass(frozen=True)
class Whole:
    class_: str
    number: int
    parts: tuple[Part, ...] = ()
    sizes: list[list[int]] = field(default_factory=list)
    colour: Colour | None = None
    side: Literal["left", "right"] = "left"
    extra: dict[str, Any] = field(default_factory=dict)


def test_plain_values_become_nested_dataclasses_enums_and_tuples() -> None:
    values = {"class": "car", "number": 1, "parts": [{"name": "a", "size": 2}], "sizes": [[1]], "colour": "blue"}
    assert parse_values(Whole, values, "x.json", VggbenchError) == Whole("car", 1, (Part("a", 2),), [[1]], Colour.BLUE)


def test_an_optional_dataclass_is_read_or_null() -> None:
    assert parse_values(Holder, {"part": {"name": "a"}}, "x.json", VggbenchError) == Holder(Part("a"))
    assert parse_values(Holder, {"part": None}, "x.json", VggbenchError) == Holder(None)
    with pytest.raises(VggbenchError, match=r'x.json: unknown key "part.nme"'):
        parse_values(Holder, {"part": {"nme": "a"}}, "x.json", VggbenchError)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nmber": 1}, 'x.json: unknown key "nmber"; did you mean number?'),
        ({"number": True}, 'x.json: key "number" must be a whole number, not True'),
        ({"number": 1.5}, 'x.json: key "number" must be a whole number, not 1.5'),
        ({"parts": [{"name": "a"}, {"size": 1}]}, 'x.json: key "parts[1].name" is missing'),
        ({"parts": [{"name": "a", "size": "b"}]}, "x.json: key \"parts[0].size\" must be a number, not 'b'"),
        ({"parts": ["a"]}, "x.json: key \"parts[0]\" must be keys with values (name, size), not 'a'"),
        ({"parts": "a"}, "x.json: key \"parts\" must be a list, not 'a'"),
        ({"sizes": [[1], ["b"]]}, "x.json: key \"sizes[1][0]\" must be a whole number, not 'b'"),
        ({"colour": "green"}, "x.json: key \"colour\" must be red or blue or null, not 'green'"),
        ({"side": "up"}, "x.json: key \"side\" must be left or right, not 'up'"),
        ({"extra": [1]}, 'x.json: key "extra" must be keys with values, not [1]'),
    ],
)
def test_an_error_names_file_and_key_and_what_is_wrong(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(VggbenchError) as caught:
        parse_values(Whole, {"class": "car", "number": 1, **changes}, "x.json", VggbenchError)
    assert str(caught.value) == message


def test_a_missing_key_and_a_value_without_keys_are_errors() -> None:
    with pytest.raises(UsageError, match=r'x\.json: key "number" is missing'):
        parse_values(Whole, {"class": "car"}, "x.json", UsageError)
    with pytest.raises(UsageError, match=r"x\.json must be keys with values \(class, number.*\), not \[1\]"):
        parse_values(Whole, [1], "x.json", UsageError)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"source": "ftp"}, 'key "source" must be one of flickr'),
        ({"source": "flickr", "classes": ["car", "car"]}, "key \"classes\" has 'car' twice"),
        ({"source": "flickr", "classes": ["car", 5]}, r'key "classes\[1\]" must be keys with values'),
        ({"source": "flickr", "classes": [{"name": "car", "words": "x"}]}, r'unknown key "classes\[0\].words"'),
        ({"source": "flickr", "classes": ["../car"]}, "'../car' cannot be the name of a folder"),
        ({"source": "flickr", "classes": ["car"], "licenses": ["gpl"]}, "key \"licenses\" has 'gpl'"),
        ({"source": "flickr", "classes": ["car"], "train": 0}, 'key "train" must be at least 1, not 0'),
        ({"source": "flickr", "classes": ["car"], "name": "y"}, 'unknown key "name"'),
        ({"source": "flickr"}, 'key "classes" is missing'),
        ({"source": "folder"}, 'key "url" is missing'),
        ({"source": "folder", "url": "x", "bench": {"epochs": "5"}}, 'key "bench.epochs" must be a whole number'),
        (
            {"source": "folder", "url": "x", "bench": {"epochs": "all"}},
            'key "bench.epochs" must be a whole number or auto',
        ),
        ({"source": "folder", "url": "x", "bench": {"epoch": 5}}, 'unknown key "bench.epoch"'),
        ({"source": "folder", "url": "x", "bench": {"vgg": {"lr": 1}}}, 'unknown model "bench.vgg"'),
        (
            {"source": "folder", "url": "x", "bench": {"baseline-cnn": 1}},
            'key "bench.baseline-cnn" must be keys with values',
        ),
        (
            {"source": "folder", "url": "x", "bench": {"baseline-cnn": {"size": 64.5}}},
            'key "bench.baseline-cnn.size" must be a whole number',
        ),
        (
            {"source": "folder", "url": "x", "bench": {"baseline-cnn": {"lr": {}}}},
            'key "bench.baseline-cnn.lr" must be a text or a number or true or false',
        ),
    ],
)
def test_a_wrong_table_of_datasets_toml_is_named_with_its_key(table: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=rf"^datasets\.toml: \[x\]: .*{message}"):
        parse_dataset("x", table, "datasets.toml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x = " + "[" * 100_000, "it is nested too deeply"),
        ("x = " + "{a=" * 100_000, "it is nested too deeply"),
        ("[x]\nseed = " + "9" * 5000, "a number has too many digits"),
        ('x = "\\ud800"', "Escaped character is not a Unicode scalar value"),
    ],
)
def test_a_hostile_datasets_toml_is_named(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "datasets.toml").write_text(text)
    with pytest.raises(UsageError, match=rf"datasets\.toml: not valid TOML: {problem}"):
        parse_file(tmp_path / "datasets.toml")
    with pytest.raises(UsageError, match=r"datasets\.toml: not valid TOML"):
        remember_recipe(parse_dataset("x", {"source": "folder", "url": "y"}, ""), tmp_path)
    assert (tmp_path / "datasets.toml").read_text() == text


@pytest.mark.parametrize("name", ["caf\udce9", "a/b", "\x1b[31m"])
def test_a_name_that_is_no_text_or_no_folder_is_refused(name: str) -> None:
    for table in ({"source": "synthetic", "classes": [name]}, {"source": "folder", "url": "y"}):
        with pytest.raises(UsageError, match="cannot be the name of a folder"):
            parse_dataset("x" if "classes" in table else name, table, "datasets.toml")


def test_a_value_that_is_no_table_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "datasets.toml").write_text("x = 5\n")
    with pytest.raises(UsageError, match="x must be a table"):
        remember_recipe(parse_dataset("x", {"source": "folder", "url": "y"}, ""), tmp_path)


def test_a_class_may_carry_its_own_search_and_a_bench_table_its_flags() -> None:
    table = {"source": "flickr", "classes": ["a_b", {"name": "c", "query": "d"}], "bench": {"batch-size": 8}}
    dataset = parse_dataset("x", table, "datasets.toml")
    assert isinstance(dataset, Dataset)
    assert [c.text for c in dataset.classes] == ["a b", "d"]
    assert dataset.bench == {"batch_size": 8}


def test_the_tables_of_models_survive_in_a_stored_dataset_toml(tmp_path: Path) -> None:
    bench = {"epochs": "auto", "set": {"lr": 1e-5}, "scratch-vgg": {"batch-size": 8, "lr": 3e-4, "head": "pooled"}}
    dataset = parse_dataset("x", {"source": "folder", "url": "y", "bench": bench}, "datasets.toml")
    assert dataset.bench["scratch-vgg"] == {"batch_size": 8, "lr": 3e-4, "head": "pooled"}
    assert parse_dataset("x", dataset_table(dataset), "datasets.toml") == dataset
    write_dataset_file(tmp_path, Collected(dataset, False, "", 0), [])
    assert read_dataset_file(tmp_path).recipe == dataset


def test_the_tables_of_models_stay_with_their_comments_where_a_recipe_is_written_back(tmp_path: Path) -> None:
    own = tmp_path / "datasets.toml"
    first = '[x]\nsource = "flickr"\nclasses = ["a", "b"]\ntrain = 5\n'
    tables = "\n[x.bench]  # small\nsize = 64\n\n[x.bench.scratch-vgg]\nlr = 0.0003  # found by hand\n\n[y]\n"
    own.write_text(first + tables + 'source = "folder"\nurl = "z"\n')
    dataset = parse_file(own)["x"]
    remember_recipe(replace(dataset, train=9), tmp_path)
    assert tables in own.read_text()
    assert parse_file(own)["x"] == replace(dataset, train=9, test=None)


def test_records_use_the_same_parser(tmp_path: Path) -> None:
    from bench.records.schema import build

    with pytest.raises(VggbenchError, match=r'run\.json: unknown key "nmber"'):
        build(Whole, {"nmber": 1}, "run.json")
