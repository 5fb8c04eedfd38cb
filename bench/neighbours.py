"""All that bench asks of collect and reports: draw a dataset, decode a photo, build a report.

Each is imported when it is needed.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from collect.datasets import Dataset, VggbenchError
from collect.manifest import Row, last_collected

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile


def choose_dataset(wanted: str | None, data: Path) -> tuple[str, str]:
    """The dataset wanted, else the one collected last, else `sample`; and for the last two, why."""
    if wanted is not None:
        return wanted, ""
    last = last_collected(data)
    if last is not None:
        return last, " (collected last; choose another with --dataset)"
    return "sample", " (drawn cars and bicycles, because nothing is collected yet; see --dataset)"


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


def count_scans(content: bytes) -> int:
    """How often a decoder visits the pixels of a JPEG. Use it within `photo_errors`."""
    from collect.verify import count_scans

    return count_scans(content)


def open_photo(content: bytes) -> "ImageFile":
    """An image file, opened under the limits of collect. Use it within `photo_errors`."""
    from collect.verify import open_photo

    return open_photo(content)


def decode_photo(image: "ImageFile") -> "Image":
    """The picture of an opened image, upright, in RGB or L. Use it within `photo_errors`."""
    from collect.verify import decode

    return decode(image)


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Without Pillow's warnings about photos. Enter it in the main thread, around the threads that decode."""
    from collect.verify import quiet_decoders

    with quiet_decoders():
        yield


@contextmanager
def photo_errors() -> Iterator[None]:
    """Turn the reason for which collect rejects an image into a VggbenchError."""
    from collect.candidate import RejectError, RejectReason

    try:
        yield
    except RejectError as err:
        is_unknown = err.reason is RejectReason.NOT_AN_IMAGE
        raise VggbenchError("its format is not known" if is_unknown else err.detail) from err


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


def replaced_runs(results: Path) -> list[Path]:
    """The folders of the finished runs that no report uses, because a later run with the same recipe replaced them."""
    from reports.study import load_study, select_datasets

    if not any(results.glob("*/*/run.json")):
        return []
    groups = [group for name in select_datasets(results) for group in load_study(results, name).groups]
    return [group.folders[run.run] for group in groups for run in group.replaced]
