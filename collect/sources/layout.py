"""How a tree of files, in a folder or an archive, is laid out in classes and splits."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from collect.candidate import RejectError, RejectReason, wanted_class
from collect.datasets import Dataset, valid_name
from collect.errors import ShortfallError, SourceError
from collect.manifest import IMAGE_SUFFIXES
from collect.verify import MAX_BYTES

# WordNet ids of Imagenette and Imagewoof (fast.ai) and the names their authors give them.
WNID_NAMES = {
    "n01440764": "tench",
    "n02102040": "English_springer",
    "n02979186": "cassette_player",
    "n03000684": "chain_saw",
    "n03028079": "church",
    "n03394916": "French_horn",
    "n03417042": "garbage_truck",
    "n03425413": "gas_pump",
    "n03445777": "golf_ball",
    "n03888257": "parachute",
    "n02086240": "Shih-Tzu",
    "n02087394": "Rhodesian_ridgeback",
    "n02088364": "beagle",
    "n02089973": "English_foxhound",
    "n02093754": "Border_terrier",
    "n02096294": "Australian_terrier",
    "n02099601": "golden_retriever",
    "n02105641": "Old_English_sheepdog",
    "n02111889": "Samoyed",
    "n02115641": "dingo",
}
# Bytes that are not UTF-8, as Python has them in names, and how Windows-1252 reads them; it has no sign for five.
UNDECODED = {0xDC00 + byte: bytes([byte]).decode("cp1252", "ignore") or f"%{byte:02X}" for byte in range(0x80, 0x100)}
NUMBERED = re.compile(r"([^.]+)\.\d+$")  # cat.0.jpg, as in the competition's train folder


@dataclass(frozen=True, slots=True)
class FilePlace:
    """Where one file belongs. `split` is None without an upstream split, `folder` is the path of the class folder."""

    class_: str
    split: str | None
    folder: str


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """A folder or file of an archive. `read` gives its bytes, `is_lasting` says that it still does so later."""

    name: str  # with forward slashes
    is_folder: bool
    size: int
    read: Callable[[], bytes]
    is_lasting: bool = False


def readable(name: str) -> str:
    """A name as valid text: bytes that are not UTF-8 are read as Windows-1252."""
    return name.translate(UNDECODED)


def source_id(path: str) -> str:
    r"""A path as valid text that still has all bytes: `\xe9` for one that is not UTF-8, else it is unchanged."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def check_size(size: int) -> None:
    """Raise RejectError if a file has too many bytes to be read."""
    if size > MAX_BYTES:
        raise RejectError(RejectReason.TOO_LARGE, f"{size:,} bytes, at most {MAX_BYTES:,}")


def _class_name(folder: str) -> str:
    return WNID_NAMES.get(folder, readable(folder))


def _place(parts: tuple[str, ...], depth: int, split: str | None = None) -> FilePlace:
    """The place of a file whose class folder is the first `depth` of its parts."""
    return FilePlace(_class_name(parts[depth - 1]), split, "/".join(parts[:depth]))


def is_image(path: str) -> bool:
    """Whether a path looks like an image of the dataset, in folders whose names are valid class names."""
    parts = PurePosixPath(readable(path)).parts
    return all(p != "__MACOSX" and valid_name(p) for p in parts) and path.lower().endswith(IMAGE_SUFFIXES)


def _split_of(parts: tuple[str, ...]) -> tuple[str, int] | None:
    """The split of a path and the index of its folder, if a class folder follows it."""
    return next(((part, i) for i, part in enumerate(parts[:-2]) if part in ("train", "test", "val")), None)


def read_layout(paths: Iterable[str], root: str) -> dict[str, FilePlace]:
    """Class and split of every image path (relative, forward slashes); paths without a class are left out.

    It reads train/CLASS/ with test/CLASS/ or val/CLASS/ at any depth, CLASS/ folders, one folder of images (its name
    is the class, `root` for the top folder), and flat files named CLASS.NUMBER.jpg.
    """
    files = {p: PurePosixPath(p).parts for p in paths if is_image(p)}
    splits = {p: split for p, parts in files.items() if (split := _split_of(parts))}
    sides = {name for name, _ in splits.values()}
    if "train" in sides and sides & {"test", "val"}:
        held_out = "test" if "test" in sides else "val"
        return {p: _place(files[p], i + 2, "test" if name == held_out else name) for p, (name, i) in splits.items()}
    folders = {parts[:-1] for parts in files.values()}
    first, last = min(folders, default=()), max(folders, default=())
    common = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    places = {}
    for path, parts in files.items():
        inside = parts[common:-1]
        numbered = NUMBERED.match(PurePosixPath(path).stem)
        if numbered and (not inside or inside[-1] in ("train", "test", "val")):
            places[path] = FilePlace(readable(numbered[1]), None, "/".join(parts[:-1]))
        elif inside:
            places[path] = _place(parts, common + 1)
        elif common and len(folders) == 1:
            places[path] = _place(parts, common)
        elif len(folders) == 1 and valid_name(readable(root)):
            places[path] = FilePlace(readable(root), None, "")
    return places


def check_layout(places: Mapping[str, FilePlace], empty_folders: Iterable[str], dataset: Dataset) -> None:
    """Raise SourceError if there is no image, ShortfallError if a class of the recipe or a class folder has none.

    `empty_folders` are the folders without files; one that is beside class folders is a class without images.
    """
    classes = {p.class_ for p in places.values()}
    if not classes:
        needed = "train/CLASS/ and test/CLASS/, or CLASS/, or files named CLASS.NUMBER.jpg"
        raise SourceError(f"{dataset.url}: no images in class folders; it needs {needed}")
    beside = {PurePosixPath(p.folder).parent for p in places.values()}
    empty = {f for f in map(PurePosixPath, empty_folders) if f.parent in beside and not f.name.startswith(".")}
    missing = [n for n in dataset.class_names if n not in classes]
    if not dataset.classes:
        missing = sorted({_class_name(f.name) for f in empty} - classes)
    if missing:
        full = ", ".join(sorted(classes))
        raise ShortfallError(f"{dataset.url}: class {missing[0]!r} has no images (classes with images: {full})")
    wanted = [p for p in places.values() if wanted_class(dataset, p.class_)]
    sides = {side: {p.class_ for p in wanted if p.split == side} for side in ("train", "test")}
    if dataset.train is None and any(sides.values()) and (one_sided := sorted(sides["train"] ^ sides["test"])):
        side = "test" if one_sided[0] in sides["train"] else "train"
        problem = f"class {one_sided[0]!r} has no {side} images"
        raise ShortfallError(f"{dataset.url}: {problem}; --train N --test N splits all images again")
