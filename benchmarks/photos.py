"""Photos to measure with: a balanced choice from an archive or a folder, laid out as train/ and test/."""

import argparse
import random
import sys
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

IMAGENETTE = Path(__file__).resolve().parents[2] / "shared" / "data" / "imagenette2-144-squared.tgz"
SUFFIXES = (".jpeg", ".jpg")


def add_arguments(parser: argparse.ArgumentParser, train: int, test: int) -> None:
    """Which photos to use, and how many of them."""
    parser.add_argument("--data", type=Path, default=IMAGENETTE, help="a .tgz or folder with train/ and test/ (val/)")
    parser.add_argument("--train", type=int, default=train, help="photos to train on, equally many of each class")
    parser.add_argument("--test", type=int, default=test, help="photos to measure accuracy on")


def _choose(files: list[str], count: int) -> list[tuple[str, str]]:
    """`count` of these paths, equally many of each class, with where each will lie."""
    classes: dict[str, list[str]] = defaultdict(list)
    for file in sorted(files):
        classes[PurePosixPath(file).parent.name].append(file)
    each = max(1, count // max(1, len(classes)))
    chosen = [(name, f) for name, own in classes.items() for f in random.Random(1).sample(own, min(each, len(own)))]
    return [(f, f"{name}/{PurePosixPath(f).name}") for name, f in chosen]


def _split(files: list[str], wanted: tuple[str, ...]) -> list[str]:
    return [f for f in files if f.lower().endswith(SUFFIXES) and PurePosixPath(f).parent.parent.name in wanted]


def _targets(files: list[str], train: int, test: int) -> dict[str, str]:
    sides = (("train", ("train",), train), ("test", ("test", "val", "validation"), test))
    return {f: f"{side}/{to}" for side, names, count in sides for f, to in _choose(_split(files, names), count)}


@contextmanager
def photos(data: Path, train: int, test: int) -> Iterator[Path]:
    """A temporary folder with train/<class>/ and test/<class>/. Ends the program where there are no photos."""
    with TemporaryDirectory(prefix="benchmark-photos-") as name:
        folder = Path(name)
        if data.is_file():
            with tarfile.open(data) as archive:
                members = {m.name: m for m in archive.getmembers() if m.isfile()}
                for file, to in sorted(_targets(list(members), train, test).items()):
                    _write(folder / to, archive.extractfile(members[file]).read())  # type: ignore[union-attr]
        elif data.is_dir():
            files = [f.as_posix() for f in data.rglob("*") if f.is_file()]
            for file, to in _targets(files, train, test).items():
                _write(folder / to, Path(file).read_bytes())
        else:
            sys.exit(f"{data}: no such archive or folder; give photos with --data (../shared/data has Imagenette)")
        if not any(folder.iterdir()):
            sys.exit(f"{data}: has no JPEG files under train/ and test/ or val/")
        yield folder


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
