"""The files of a folder or archive: which are photos, which class each one has, and what the others are."""

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from collect.candidate import SourceContext, wanted_class
from collect.datasets import Dataset
from collect.errors import ShortfallError, SourceError, UsageError
from collect.manifest import IMAGE_SUFFIXES
from collect.sources.labels import Arrangement, label_files
from collect.sources.layout import FilePlace, class_name, looks_like_split, read_layout, source_id
from collect.sources.members import is_hidden
from collect.sources.origin import ARCHIVES
from collect.verify import HEAD_BYTES, is_photo
from collect.wording import joined_counts

SUFFIX = re.compile(r"\.\w{1,12}")
MOST_NAMED, LONGEST_NAMED = 5, 40  # names in a message, signs of one


@dataclass(slots=True)
class FileTree:
    """The files of a folder or archive, by path. `empty` are folders without files, `ignored` counts all the rest."""

    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    _seen: set[str] = field(default_factory=set)

    def add(self, path: str, head: Callable[[], bytes]) -> None:
        """Add a file. `head` gives its first bytes, which show a photo whose name does not end as one."""
        name = path.lower()
        if is_hidden(PurePosixPath(path).parts):
            self.ignored["hidden"] += 1
        elif path in self._seen:
            self.ignored["repeated"] += 1
        elif name.endswith(IMAGE_SUFFIXES) or (not name.endswith(ARCHIVES) and is_photo(head()[:HEAD_BYTES])):
            self.images.append(path)
        else:
            self.others.append(path)
        self._seen.add(path)


def arrange(tree: FileTree, root: str, dataset: Dataset, context: SourceContext) -> Arrangement:
    """The place of each photo of the dataset; the context counts all files. `root` is the class of photos on top.

    Raises SourceError, ShortfallError and UsageError for a tree that makes no dataset.
    """
    ignored = context.files.ignored
    ignored.update(tree.ignored)
    ignored.update(map(_kind, tree.others))
    if dataset.labels:
        found = label_files(tree.images, Path(dataset.labels), context.notify)
        classless = "unlabelled"
    else:
        found = Arrangement(read_layout(tree.images, root))
        classless = "outside class folders"
        _check_folders(found.places, tree, dataset)
    _check_classes(found.places, dataset)
    places = {path: place for path, place in found.places.items() if wanted_class(dataset, place.class_)}
    rejected = [c for c in found.rejected if wanted_class(dataset, c.class_)]
    of_files = {*map(source_id, tree.images)}
    context.files.candidates.update(map(source_id, places), of_files.intersection(c.source_id for c in rejected))
    ignored["of other classes"] += len(found.places) - len(places)
    ignored[classless] += len(tree.images) - len(context.files.candidates) - ignored["of other classes"]
    return Arrangement(places, rejected)


def _kind(path: str) -> str:
    suffix = PurePosixPath(path).suffix.lower()
    return suffix if SUFFIX.fullmatch(suffix) else "without a suffix"


def _check_folders(places: Mapping[str, FilePlace], tree: FileTree, dataset: Dataset) -> None:
    """Raise an error if there is no photo in a class folder, if the classes are splits, or if a class has no photo."""
    classes = sorted({p.class_ for p in places.values()})
    if not classes:
        raise SourceError(f"{dataset.url}: no images in class folders; {_advice(tree)}")
    if dataset.classes:
        return
    sides = {looks_like_split(name) for name in classes}
    if len(sides - {None}) > 1 or None not in sides:
        problem = f"{_listed(classes)} {'looks' if len(classes) == 1 else 'look'} like parts of a split, not classes"
        advice = "put the photos into train/CLASS/ and test/CLASS/, or add --labels FILE.csv"
        meant = f"if these are classes, name them: {_command(classes, dataset)}"
        raise UsageError(f"{dataset.url}: {problem}; {advice}; {meant}")
    if unusable := sorted(_unusable(places, tree)):
        names = {str(f): class_name(f.name) for f in unusable}
        inside = Counter(_kind(p) for p in tree.others if PurePosixPath(p).is_relative_to(unusable[0]))
        content = f" (only {joined_counts(inside.most_common(MOST_NAMED))})" if inside else " (it is empty)"
        more = f"; nor {'has' if len(names) == 2 else 'have'} {_listed([*names][1:])}" if len(names) > 1 else ""
        problem = f"class {_listed([names[str(unusable[0])]])!r} has no images{content}{more}"
        advice = f"add photos, remove the folder, or name the classes to use: {_command(classes, dataset)}"
        raise ShortfallError(f"{dataset.url}: {problem}; {advice}")


def _unusable(places: Mapping[str, FilePlace], tree: FileTree) -> Iterator[PurePosixPath]:
    """Folders beside the class folders, with their parents in common, in which no photo is."""
    full = {PurePosixPath(p.folder) for p in places.values()}
    beside = {folder.parent for folder in full if folder.parts}
    holding = full.union(*(folder.parents for folder in full))
    paths = [*(PurePosixPath(p) for p in (*tree.images, *tree.others)), *(PurePosixPath(p, "-") for p in tree.empty)]
    for folder in {a for path in paths for a in path.parents if a.parent in beside} - holding:
        if not is_hidden(folder.parts) and not looks_like_split(folder.name):
            yield folder


def _check_classes(places: Mapping[str, FilePlace], dataset: Dataset) -> None:
    """Raise ShortfallError if a class of the recipe has no photo, or a class has none in one of the source's splits."""
    classes = {p.class_ for p in places.values()}
    if missing := [n for n in dataset.class_names if n not in classes]:
        full = _listed(sorted(classes))
        raise ShortfallError(f"{dataset.url}: class {missing[0]!r} has no images (classes with images: {full})")
    wanted = [p for p in places.values() if wanted_class(dataset, p.class_)]
    sides = {side: {p.class_ for p in wanted if p.split == side} for side in ("train", "test")}
    if dataset.train is None and any(sides.values()) and (one_sided := sorted(sides["train"] ^ sides["test"])):
        side = "test" if one_sided[0] in sides["train"] else "train"
        problem = f"class {one_sided[0]!r} has no {side} images"
        raise ShortfallError(f"{dataset.url}: {problem}; --train N --test N splits all images again")


def _advice(tree: FileTree) -> str:
    archives = sorted(p for p in tree.others if p.lower().endswith(ARCHIVES))
    if archives:
        return f"it holds {_listed(archives)}; give one of them to --from"
    layouts = "train/CLASS/ and test/CLASS/, or CLASS/, or files named CLASS.NUMBER.jpg"
    return f"it needs {layouts}, or a CSV with their classes (--labels FILE.csv)"


def _command(classes: Sequence[str], dataset: Dataset) -> str:
    shown = [name for name in classes if len(name) <= LONGEST_NAMED][:MOST_NAMED]
    names = shlex.join(shown) + (" ..." if len(shown) < len(classes) else "")
    return f"collect {names} --from {shlex.quote(dataset.url or '')} --name {shlex.quote(dataset.name)}"


def _listed(names: Sequence[str]) -> str:
    """A few names in a row."""
    short = [name if len(name) <= LONGEST_NAMED else f"{name[:LONGEST_NAMED]}…" for name in names[:MOST_NAMED]]
    return ", ".join(short) + (f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else "")
