"""The machine of a run: its clock, and its measured throughput."""

from pathlib import Path

import pytest
import torch

from bench.machine import StepTimer, choose_precision, measured_throughput, timed
from bench.machine.throughput import Throughput
from tests.bench.damage import DAMAGES, Damage

CPU = torch.device("cpu")


@pytest.fixture
def measurements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The precisions measured so far, by a measurement that takes no time and is undisturbed: bf16 is twice as fast."""
    measured: list[str] = []

    def measure(_device: torch.device, precision: str) -> Throughput:
        measured.append(precision)
        return Throughput(1.0, 2.0 if precision == "bf16" else 1.0)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("bench.machine.throughput._measure_throughput", measure)
    monkeypatch.setattr("bench.machine.throughput._interruptions", lambda: 0)
    measured_throughput.cache_clear()
    yield measured
    measured_throughput.cache_clear()


def test_throughput_is_measured_once_per_precision(measurements: list[str]) -> None:
    for precision in ("fp32", "bf16", "fp32"):
        measured_throughput("cpu", precision)
    measured_throughput.cache_clear()  # another process reads the file
    assert measured_throughput("cpu", "bf16") == Throughput(1.0, 2.0)
    assert measurements == ["fp32", "bf16"]


def test_a_disturbed_measurement_is_made_again_until_it_is_undisturbed_and_the_highest_rate_counts(
    measurements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rates, interruptions = iter([0.3, 0.2, 0.9, 0.1]), iter([0, 10**9, 0, 10**9, 0, 0])
    monkeypatch.setattr("bench.machine.throughput._measure_throughput", lambda *_: Throughput(next(rates), 0.5))
    monkeypatch.setattr("bench.machine.throughput._interruptions", lambda: next(interruptions))
    seen = []
    for _process in range(5):
        measured_throughput.cache_clear()
        seen.append(measured_throughput("cpu", "fp32").peak_tflops)
    assert seen == [0.3, 0.3, 0.9, 0.9, 0.9]


def test_on_a_machine_that_is_always_busy_the_rate_is_measured_five_times(
    measurements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.machine.throughput._interruptions", iter(range(0, 10**12, 10**9)).__next__)
    for _process in range(8):
        measured_throughput.cache_clear()
        measured_throughput("cpu", "fp32")
    assert measurements == ["fp32"] * 5


ODD_RATES: dict[str, Damage] = {
    **DAMAGES,
    "of the version before": lambda path: path.write_text('{"cpu|2|fp32": {"peak_tflops": 99.0, "conv_tflops": 99.0}}'),
    "null": lambda path: path.write_text("null"),
}


@pytest.mark.parametrize("damage", ODD_RATES.values(), ids=ODD_RATES.keys())
def test_a_damaged_cache_of_throughputs_is_named_and_measured_again(
    damage: Damage, measurements: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "vggbench" / "rates.json"
    measured_throughput("cpu", "fp32")
    damage(path)
    measured_throughput.cache_clear()
    assert measured_throughput("cpu", "fp32") == Throughput(1.0, 1.0)
    assert measurements == ["fp32"] * 2
    error = capsys.readouterr().err
    assert error.startswith(f"bench: {path}: ") and error.endswith("; it is made again\n") and error.count("\n") == 1
    measured_throughput.cache_clear()
    measured_throughput("cpu", "fp32")
    assert measurements == ["fp32"] * 2


def test_auto_precision_is_bf16_where_it_is_faster(measurements: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert choose_precision(CPU, "auto") == "bf16"
    assert choose_precision(CPU, "fp32") == "fp32"
    assert measurements == ["bf16", "fp32"]


def test_a_processor_that_only_emulates_bf16_is_not_asked(
    measurements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert choose_precision(CPU, "auto") == "fp32"
    assert measurements == []


def test_seconds_by_part_add_up() -> None:
    seconds = {"loader": 1.0}
    timer = StepTimer(CPU, seconds)
    for part in ("start", "loader", "optimizer", "loader"):
        timer.mark(part)
    timer.add_up()
    with timed(seconds, "evaluate", CPU), timed(seconds, "evaluate", CPU):
        pass
    assert seconds.keys() == {"loader", "optimizer", "evaluate"}
    assert seconds["loader"] > 1.0
