"""All that bench asks of collect and reports: draw a dataset, build a report. Each is imported when it is needed."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from collect.datasets import Dataset, VggbenchError
from collect.manifest import Row


def draw(dataset: Dataset, data: Path) -> None:
    """Draw a synthetic dataset into `data`/<name>."""
    from collect.pipeline import collect

    collect(dataset, data, quiet=True)


def drawable_classes() -> tuple[str, ...]:
    """Names of the classes that the synthetic source can draw."""
    from collect.sources import drawable_classes

    return drawable_classes()


def passes_audit(folder: Path) -> bool:
    """Whether a collected dataset is complete and as its manifest says: what `collect --verify` checks."""
    from collect.audit import check_dataset

    try:
        return check_dataset(folder).passed
    except VggbenchError:
        return False


def find_leaks(folder: Path, rows: Sequence[Row]) -> tuple[list[str], list[str] | None]:
    """The test files of a dataset that are also in train, and those that have a near duplicate there (None: unknown).

    This is what `collect --verify` calls a leak.
    """
    from collect.audit import leaked_files

    return leaked_files(folder, rows)


def balance_warnings(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Warnings about classes with few images, or far fewer than another; `counts` is split -> class -> images."""
    from collect.write import balance_warnings

    return balance_warnings(counts)


def read_verdict(results: Path, dataset: str) -> tuple[list[str], Path | None]:
    """The verdict of a dataset's report in its own words, and the folder of a run of the model it recommends."""
    from reports.page import read_verdict

    return read_verdict(results, dataset)


def build_report(results: Path, dataset: str) -> list[Path]:
    """Build the HTML report of a dataset's results; returns its files."""
    from reports.page import build

    return build(results, dataset)
