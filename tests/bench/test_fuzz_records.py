"""Records and weights files with random damage: each is used as it should be, or refused in one line of ours.

FUZZ_SECONDS is the time for each test (default 2), FUZZ_SEED the start of its random numbers.
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from bench.errors import VggbenchError
from bench.models import build_architecture, check_fit, load_weights
from bench.recipes import make_recipe
from bench.records import (
    RecordError,
    StopReason,
    Trial,
    TrialStatus,
    Tuning,
    read_facts,
    read_pictures,
    read_predictions,
    read_run,
)
from reports import page
from reports.export import export
from reports.study import compare_study, load_study
from tests.factories.results import BASELINE, FROZEN, Variant, make_facts, make_run

SECONDS, SEED = float(os.environ.get("FUZZ_SECONDS", "2")), int(os.environ.get("FUZZ_SEED", "1"))
MOST_CPU_SECONDS = 2.0
PAGE_EVERY = 40  # a page takes a second or two
ODD: list[Any] = [
    None, True, -1, 0, 0.5, 1.5, 10**9, 10**17, -(10**17), 1e308, 5e-324, "", "a", "\0", "\ud800", "\u202e", "<b>",
    "../x", "x" * 5000, "nan", "2026-01-01", "done", "auto", "b" * 64,
    [], {}, [[]], {"a": {"a": [1]}}, [None], [[1, 2], [3, 4]],
]  # fmt: skip
RAW = [
    b"NaN",
    b"Infinity",
    b"1e999",
    b"9" * 5000,
    b"[" * 3000,
    b'{"a":' * 3000,
    b"\xff",
    b"\0",
    b'"\\ud800"',
    b",",
    b"\n",
]


def damaged(content: bytes, rng: random.Random) -> bytes:
    """A file with one kind of damage: bits, a part that is lost, repeated or replaced, or another value in its JSON."""
    if rng.random() < 0.6 and content[:1] in (b"{", b"["):
        values = json.loads(content)
        for _ in range(rng.choice((1, 1, 2))):
            change_value(values, rng)
        return json.dumps(values).encode()
    start = rng.randrange(len(content) + 1)
    end = min(len(content), start + rng.choice((1, 2, 8, 64, len(content))))
    part = rng.choice((b"", content[start:end] * 2, bytes(end - start), rng.choice(RAW), rng.randbytes(end - start)))
    return content[:start] + part + content[end:]


def change_value(values: Any, rng: random.Random) -> None:
    """Replace, add or remove one value somewhere in JSON."""
    while isinstance(values, dict | list) and values:
        key = rng.choice(list(values) if isinstance(values, dict) else range(len(values)))
        inner = values[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.8:
            values = inner
            continue
        if rng.random() < 0.1:
            del values[key]
        elif rng.random() < 0.1 and isinstance(values, dict):
            values[rng.choice(("more", "", "\0", "<i>"))] = rng.choice(ODD)
        else:
            values[key] = rng.choice(ODD)
        return


def cases() -> Iterator[random.Random]:
    """Random numbers for one case after the other, until the time is up; each case must take little CPU time."""
    end, number = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        print(f"case {SEED}.{number}")  # pytest shows it after a failure
        start = time.process_time()
        yield random.Random(f"{SEED}.{number}")
        assert time.process_time() - start < MOST_CPU_SECONDS + 8 * (number % PAGE_EVERY == 0), f"case {SEED}.{number}"
        number += 1


def check_reading(run_folder: Path, facts_folder: Path) -> bool:
    """Read everything that results hold; whether all of it can be read."""
    try:
        run = read_run(run_folder)
        read_predictions(run_folder, run)
        read_pictures(run_folder, run)
        read_facts(facts_folder)
    except RecordError as err:
        assert "\n" not in str(err)
        return False
    return True


def test_damaged_records_are_named_or_harmless(tmp_path: Path) -> None:
    tried = [Trial(i, {"lr": 0.1}, TrialStatus.COMPLETE, 0.8, 1.0) for i in range(3)]
    variant = Variant(stop=StopReason.FLAT, tuning=Tuning(3, 3.0, {"lr": 0.1}, 0.8, "20", tried))
    runs = [
        make_run(tmp_path, "ds", ["a", "b"], profile, seed, test=12, epochs=2, variant=variant)
        for profile, seed in ((FROZEN, 1), (FROZEN, 2), (BASELINE, 1))
    ]
    make_facts(tmp_path, runs[0])
    folder, (facts,) = tmp_path / "ds" / runs[0].run, (tmp_path / "ds").glob("manifest-*")
    files = [folder / "run.json", folder / "predictions.csv", folder / "pictures/pictures.json", facts / "dataset.json"]
    intact = {path: path.read_bytes() for path in files}
    for number, rng in enumerate(cases()):
        path = rng.choice(files)
        path.write_bytes(damaged(intact[path], rng))
        if check_reading(folder, facts) or number % PAGE_EVERY == 0:
            comparison = compare_study(load_study(tmp_path, "ds"))
            json.loads(export([comparison], "json"))
            for contender, predictions in comparison.with_predictions:
                assert predictions.correct.mean() == pytest.approx(contender.accuracy)
            if number % PAGE_EVERY == 0:
                page.page(comparison).encode()
        path.write_bytes(intact[path])


def save_safetensors(state: dict[str, torch.Tensor], path: Path) -> None:
    save_file(state, path, {"arch": "vgg11", "width": "0.02", "classes": "a\nb", "pretrained_on": "numbers"})


@pytest.mark.parametrize(("name", "save"), [("net.safetensors", save_safetensors), ("net.pth", torch.save)])
def test_damaged_weights_are_refused_or_finite(name: str, save: Callable[..., None], tmp_path: Path) -> None:
    path, recipe = tmp_path / name, make_recipe("frozen-vgg", {"arch": "vgg11", "width": 0.02, "head": "last"})
    save(build_architecture("vgg11", 1, 0.02).state_dict(), path)
    assert check_fit(recipe, load_weights(str(path), "vgg11"), str(path)) == 1  # also imports torchvision
    intact = path.read_bytes()
    header = 3000  # where names and shapes are
    for rng in cases():
        at = rng.choice((0, len(intact) - header))
        part = intact[:header] if at == 0 else intact[at:]
        path.write_bytes(intact[:at] + damaged(part, rng) + intact[at + header :])
        try:
            weights = load_weights(str(path), "vgg11")
            check_fit(recipe, weights, str(path))
        except VggbenchError as err:
            assert "\n" not in str(err)
            continue
        assert all(tensor.isfinite().all() for tensor in weights.state.values())
