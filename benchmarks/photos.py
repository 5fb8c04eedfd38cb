"""Photos to measure with: a balanced choice from an archive or a folder, in train/ and test/ folders."""

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
    """Add the options that say which photos to use, and how many."""
    parser.add_argument("--data", type=Path, default=IMAGENETTE, help="a .tgz or folder with train/ and test/ (val/)")
    parser.add_argument("--train", type=int, default=train, help="photos to train on, the same number of each class")
    parser.add_argument("--test", type=int, default=test, help="photos to measure accuracy on")


def _choose(files: list[str], count: int) -> list[tuple[str, str]]:
    """`count` of these paths, the same number of each class, each with its new place CLASS/NAME."""
    classes: dict[str, list[str]] = defaultdict(list)
    for file in sorted(files):
        classes[PurePosixPath(file).parent.name].append(file)
    each = max(1, count // max(1, len(classes)))
    chosen = {name: random.Random(1).sample(members, min(each, len(members))) for name, members in classes.items()}
    return [(file, f"{name}/{PurePosixPath(file).name}") for name, files in chosen.items() for file in files]


def _photos_below(files: list[str], folders: tuple[str, ...]) -> list[str]:
    return [f for f in files if f.lower().endswith(SUFFIXES) and PurePosixPath(f).parent.parent.name in folders]


def _targets(files: list[str], train: int, test: int) -> dict[str, str]:
    """The new place of every chosen file by its path."""
    splits = (("train", ("train",), train), ("test", ("test", "val", "validation"), test))
    return {
        file: f"{split}/{place}"
        for split, folders, count in splits
        for file, place in _choose(_photos_below(files, folders), count)
    }


@contextmanager
def photos(data: Path, train: int, test: int) -> Iterator[Path]:
    """A temporary folder with train/<class>/ and test/<class>/. Ends the program if there are no photos."""
    with TemporaryDirectory(prefix="benchmark-photos-") as name:
        folder = Path(name)
        if data.is_file():
            with tarfile.open(data) as archive:
                members = {m.name: m for m in archive.getmembers() if m.isfile()}
                for file, place in sorted(_targets(list(members), train, test).items()):
                    _write(folder / place, archive.extractfile(members[file]).read())  # type: ignore[union-attr]
        elif data.is_dir():
            files = [f.as_posix() for f in data.rglob("*") if f.is_file()]
            for file, place in _targets(files, train, test).items():
                _write(folder / place, Path(file).read_bytes())
        else:
            sys.exit(f"{data}: no such archive or folder; choose another with --data")
        if not any(folder.iterdir()):
            sys.exit(f"{data}: has no JPEG files under train/ and test/ or val/")
        yield folder


def photo_files(folder: Path) -> list[Path]:
    """All photos below a folder, sorted."""
    return sorted(f for f in folder.rglob("*.*") if f.is_file())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
