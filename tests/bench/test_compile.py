"""The trial of torch.compile before the first epoch."""

import shutil
from pathlib import Path

import pytest
import torch

from bench.experiment import run
from bench.training.compile import fastest_forward


@pytest.mark.filterwarnings("default")  # torch 2.11's compiler uses what torch itself calls deprecated
def test_compiled_training_works_and_is_noted(easy: Path, small_plan) -> None:
    if shutil.which("g++") is None:
        pytest.skip("torch.compile on the CPU needs a C++ compiler")
    plan = small_plan("scratch-vgg", "easy", easy, compile="on", epochs=3, lr=0.02, arch="vgg11")
    record = run(plan, lambda event: None)
    assert record.cost.compile_seconds > 0
    assert "compiled with torch.compile" in record.notes


def test_the_fastest_forward_is_chosen_after_three_steps_to_settle() -> None:
    calls: list[str] = []
    seconds = {"eager": [2.0] * 8, "compiled": [60.0, 9.0, 9.0] + [1.0] * 5, "graphs": [0.1] * 3 + [1.5] * 5}
    forwards = {name: lambda x, name=name: (calls.append(name), x)[1] for name in seconds}

    def step(forward) -> float:
        forward(torch.zeros(()))
        return seconds[calls[-1]][calls.count(calls[-1]) - 1]

    assert fastest_forward(forwards, step) == ("compiled", [])
    assert len(calls) == 24


def test_a_failing_compiler_is_skipped_with_a_note_but_the_plain_step_must_work() -> None:
    def step(forward) -> float:
        forward(torch.zeros(()))
        return 1.0

    def broken(_):
        raise RuntimeError("no compiler\nat line 3")

    plain_and_broken = {"plain": lambda x: x, "compiled": broken}
    assert fastest_forward(plain_and_broken, step) == ("plain", ["compiled was skipped: no compiler"])
    with pytest.raises(RuntimeError, match="no compiler"):
        fastest_forward({"plain": broken, "compiled": lambda x: x}, step)
