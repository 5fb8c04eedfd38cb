"""How a tree of files, in a folder or an archive, is laid out in classes and splits."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from collect.datasets import valid_name
from collect.sources.origin import ARCHIVES

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
SPLIT_NAME = r"(?:(?P<train>train)(?:ing)?|(?P<val>val)(?:id(?:ation)?)?|(?P<test>test)(?:ing)?)(?:[ _-]?set)?"
SPLIT_FOLDER = re.compile(SPLIT_NAME, re.I)
SPLIT_LOOKALIKE = re.compile(  # seg_train, test1, Train images
    rf"(?:.*[ _.-])?{SPLIT_NAME}(?:[ _.-]?(?:data|dataset|files|images|imgs|photos|pictures))?[ _.-]?\d*", re.I
)
NUMBERED = re.compile(r"([^.]+)\.\d+$")  # cat.0.jpg, as in the competition's train folder


@dataclass(frozen=True, slots=True)
class FilePlace:
    """Where one file belongs. `split` is None without an upstream split, `folder` is the path of the class folder."""

    class_: str
    split: str | None
    folder: str


def split_name(folder: str) -> str | None:
    """The split that a folder of this name holds: train, val or test; None if it is another folder."""
    found = SPLIT_FOLDER.fullmatch(folder)
    return found.lastgroup if found else None


def looks_like_split(folder: str) -> str | None:
    """The split that a folder of this name probably holds."""
    found = SPLIT_LOOKALIKE.fullmatch(folder)
    return found.lastgroup if found else None


def held_out_split(sides: Collection[str]) -> str | None:
    """Of the splits of a source, the one to test with, if there is one to train with too."""
    return next((s for s in ("test", "val") if s in sides and "train" in sides), None)


def readable(name: str) -> str:
    """A name as valid text: bytes that are not UTF-8 are read as Windows-1252."""
    return name.translate(UNDECODED)


def source_id(path: str) -> str:
    r"""A path as valid text that still has all bytes: `\xe9` for one that is not UTF-8, else it is unchanged."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def class_name(folder: str) -> str:
    """The name of the class whose photos are in a folder of this name."""
    return WNID_NAMES.get(folder, readable(folder))


def _plain(folder: str) -> str:
    """The name of a folder, or of a nested archive without its ending: cats for cats.zip."""
    ending = next((e for e in ARCHIVES if folder.lower().endswith(e)), "")
    return folder[: len(folder) - len(ending)]


class SplitFolders:
    """Which folders of a tree stand for a split. `parts` are the parts of each path, its file included."""

    def __init__(self, parts: Iterable[tuple[str, ...]]):
        self._children: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for path in parts:
            for depth in range(len(path) - 1):
                self._children[path[:depth]].add(path[depth])

    def split_of(self, path: tuple[str, ...]) -> tuple[str, int] | None:
        """The split of a path and the index of its folder, if a class folder follows it.

        Archives often repeat it: training_set/training_set/CLASS/.
        """
        at = next((i for i, part in enumerate(path[:-2]) if split_name(part)), None)
        if at is None:
            return None
        side = split_name(path[at])
        while split_name(path[at + 1]) == side and len(self._children[path[: at + 1]]) == 1:
            at += 1
            if at > len(path) - 3:
                return None
        return (side, at) if side else None


def read_layout(paths: Iterable[str], root: str) -> dict[str, FilePlace]:
    """Class and split of every image path (relative, forward slashes); paths without a class are left out.

    It reads train/CLASS/ with test/CLASS/ or val/CLASS/ at any depth, CLASS/ folders, one folder of images (its name
    is the class, `root` for the top folder), and flat files named CLASS.NUMBER.jpg. Where some photos have a class,
    those directly in a folder of a split have none: they are what a competition keeps unlabelled.
    """
    files = {p: (*map(_plain, (parts := PurePosixPath(p).parts)[:-1]), parts[-1]) for p in paths}
    folders = SplitFolders(files.values())
    splits = {p: split for p, parts in files.items() if (split := folders.split_of(parts))}
    in_split = {p for p, f in files.items() if p not in splits and len(f) > 1 and looks_like_split(f[-2])}
    numbered = {p for p in in_split if NUMBERED.match(PurePosixPath(p).stem)}
    if splits or numbered:
        files = {p: parts for p, parts in files.items() if p not in in_split or p in numbered}
    if held_out := held_out_split({name for name, _ in splits.values()}):
        return {p: _place(p, i + 2, files[p], "test" if s == held_out else s) for p, (s, i) in splits.items()}
    return _without_split(files, root)


def _without_split(files: Mapping[str, tuple[str, ...]], root: str) -> dict[str, FilePlace]:
    folders = {parts[:-1] for parts in files.values()}
    first, last = min(folders, default=()), max(folders, default=())
    common = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    places = {}
    for path, parts in files.items():
        inside = parts[common:-1]
        found = NUMBERED.match(PurePosixPath(path).stem)
        if found and (not inside or looks_like_split(inside[-1])):
            places[path] = FilePlace(readable(found[1]), None, "/".join(PurePosixPath(path).parts[:-1]))
        elif inside:
            places[path] = _place(path, common + 1, parts)
        elif common and len(folders) == 1:
            places[path] = _place(path, common, parts)
        elif len(folders) == 1 and valid_name(readable(root)):
            places[path] = FilePlace(readable(root), None, "")
    return places


def _place(path: str, depth: int, names: tuple[str, ...], split: str | None = None) -> FilePlace:
    """The place of a file whose class folder is the first `depth` parts of its path."""
    return FilePlace(class_name(names[depth - 1]), split, "/".join(PurePosixPath(path).parts[:depth]))
