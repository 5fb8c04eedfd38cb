"""The record of a run, schema `vggbench.run/1`. Standard library only."""

from dataclasses import dataclass, field
from enum import StrEnum

from bench.records.tuning import Setting, Tuning

SCHEMA = "vggbench.run/1"


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """The dataset of a run; `train` and `test` are the numbers of images used, over all classes.

    `validation` of the train images were held out: they decided when training stopped.
    """

    name: str
    manifest_sha256: str
    classes: list[str]
    train: int
    test: int
    validation: int = 0


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The model of a run, the origin of its `weights` (None: scratch), FLOPs of a forward pass (multiply-add: 2)."""

    name: str
    arch: str
    weights: str | None
    weights_sha256: str | None
    head: str | None
    parameters_total: int
    parameters_trainable: int
    flops_per_image: int | None


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """The machine of a run; `peak_tflops` is measured with a large product in the run's precision."""

    kind: str
    name: str
    torch: str
    cuda: str | None = None
    driver: str | None = None
    cpu: str | None = None
    cores: int | None = None
    precision: str = "fp32"
    peak_tflops: float | None = None


@dataclass(frozen=True, slots=True)
class CodeInfo:
    """The version of vggbench that made a run."""

    version: str
    commit: str | None = None
    dirty: bool | None = None


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch; rates are fractions, `seconds` is training only.

    A run with validation images is measured on these after each epoch and on the test images only after the last one.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    test_loss: float | None
    test_accuracy: float | None
    seconds: float
    images_per_second: float
    val_loss: float | None = None
    val_accuracy: float | None = None


class RunStatus(StrEnum):
    """How a run ended."""

    DONE = "done"
    STALLED = "stalled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of a run. `reason` says why a run that is not done stalled or failed.

    `accuracy_low` and `accuracy_high` are Wilson's 95 % interval over the test images. `balanced_accuracy` is the mean
    over the classes of the share of their images that are right. `confusion` counts images: rows are the truth, columns
    the prediction, in the order of `dataset.classes`.
    """

    status: RunStatus
    accuracy: float | None = None
    accuracy_low: float | None = None
    accuracy_high: float | None = None
    top5: float | None = None
    macro_f1: float | None = None
    confusion: list[list[int]] | None = None
    clean_accuracy: float | None = None
    clean_images: int | None = None
    reason: str | None = None
    balanced_accuracy: float | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run cost. `epoch_seconds` is the median over epochs, training only; `breakdown` gives seconds by part.

    `shared_with` counts the other runs that shared its opened data and features; its times are those it would take
    alone.
    """

    total_seconds: float
    epoch_seconds: float | None = None
    pack_seconds: float | None = None
    feature_seconds: float | None = None
    compile_seconds: float | None = None
    peak_memory_bytes: int | None = None
    energy_joules: float | None = None
    tflops: float | None = None
    mfu: float | None = None
    breakdown: dict[str, float] | None = None
    shared_with: int | None = None


class StopReason(StrEnum):
    """Why training ended."""

    EPOCHS = "epochs"  # the recipe gives the number of epochs
    FLAT = "flat"  # validation stopped improving
    CEILING = "ceiling"  # the largest number of steps
    TIME = "time"  # the time limit


@dataclass(frozen=True, slots=True)
class Training:
    """How a run's training ended: after how many optimizer steps and why.

    `decay_step` is the step at which the learning rate began to fall because training was about to end, None if it
    followed a fixed schedule.
    """

    steps: int
    stop: StopReason
    decay_step: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run: a model trained once, with one seed, on one device. `created` is UTC, ISO 8601.

    `files` has the SHA-256 of the files beside the record, by name; records of earlier versions have none.
    """

    run: str
    created: str
    dataset: DatasetInfo
    model: ModelInfo
    recipe: dict[str, Setting]
    seed: int
    device: DeviceInfo
    code: CodeInfo
    epochs: list[Epoch]
    result: Result
    cost: Cost
    schema: str = SCHEMA
    command: str | None = None
    notes: list[str] = field(default_factory=list)
    training: Training | None = None
    tuning: Tuning | None = None
    files: dict[str, str] | None = None
