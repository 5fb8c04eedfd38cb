"""Pictures for the page: re-encoded from their pixels, small, inside their own folder, named where unreadable."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.records import Picture, RecordError, read_pictures
from reports.study import Comparison, Contender, Pair
from reports.words import clean

MOST_PIXELS = 20_000_000
SHEET_SIDE = 560
MOST_SAMPLES, MOST_WORST, MOST_FLIPS, MOST_CLASS_SAMPLES = 12, 6, 6, 60


@dataclass(frozen=True)
class Photo:
    """An embedded picture; `pixelated` where it is so small that smoothing would blur it."""

    src: str
    width: int
    height: int
    pixelated: bool


@dataclass(frozen=True)
class Said:
    """What one contender said of a photo."""

    name: str
    style: int
    predicted: str
    probability: float
    right: bool


@dataclass(frozen=True)
class Shot:
    """A photo with its truth and what was said of it; `cam` shows where the model looked."""

    photo: Photo
    truth: str
    said: list[Said]
    cam: Photo | None = None


@dataclass(frozen=True)
class Sheet:
    """A sheet of activations or filters of one layer."""

    photo: Photo
    layer: str


class Album:
    """Reads pictures once, at most `side` pixels wide; what cannot be read is named in `left_out`."""

    def __init__(self, side: int, left_out: list[str]) -> None:
        self.side = side
        self.left_out = left_out
        self._kept: dict[tuple[Path, int], Photo | None] = {}

    def photo(self, folder: Path, name: str, side: int | None = None) -> Photo | None:
        """The picture `name` in `folder`, None where it is not one."""
        key = (folder / name, side or self.side)
        if key not in self._kept:
            self._kept[key] = self._read(folder, name, side or self.side)
        return self._kept[key]

    def _read(self, folder: Path, name: str, side: int) -> Photo | None:
        from PIL import Image

        where = f"{folder.parent.name}/{folder.name}/{clean(name, 80)}"
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            self.left_out.append(f"{where}: lies outside its folder")
            return None
        try:
            with Image.open(path) as image:
                if image.width * image.height > MOST_PIXELS:
                    self.left_out.append(f"{where}: has more than {MOST_PIXELS:,} pixels")
                    return None
                pixels = image.convert("RGB")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as err:
            self.left_out.append(f"{where}: is not a readable picture ({type(err).__name__})")
            return None
        pixels.thumbnail((side, side), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        sheet = side == SHEET_SIDE
        pixels.save(buffer, "WEBP", quality=70 if sheet else 74, method=4)
        src = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
        return Photo(src, pixels.width, pixels.height, max(pixels.size) <= 64)


def pictures_of(contender: Contender, left_out: list[str]) -> tuple[Path, list[Picture]]:
    """The folder and list of the pictures of the first seed that has any."""
    for run in contender.group.runs:
        folder = contender.group.folders[run.run]
        try:
            if found := read_pictures(folder):
                return folder / "pictures", found
        except RecordError as err:
            left_out.append(str(err).replace(f"{folder.parent.parent}/", ""))
    return Path(), []


@dataclass(frozen=True)
class Gallery:
    """All photos of a report: samples with all answers, each contender's worst, sheets, and photo by file."""

    samples: list[Shot]
    worst: dict[str, list[Shot]]
    activations: dict[str, list[Sheet]]
    filters: dict[str, list[Sheet]]
    by_file: dict[str, Photo]


def _answers_on(comparison: Comparison, file: str) -> list[Said]:
    rows = []
    for c in comparison.contenders:
        if c.answers is None or file not in c.answers.files:
            continue
        i, classes = c.answers.files.index(file), c.group.any.dataset.classes
        guess = int(c.answers.predicted[0, i])
        sure = float(c.answers.probability[0, i])
        rows.append(Said(c.name, c.style, clean(classes[guess], 60), sure, guess == c.answers.truth[i]))
    return rows


def _own(contender: Contender, picture: Picture) -> list[Said]:
    if picture.predicted is None:
        return []
    right = picture.predicted == picture.truth
    return [Said(contender.name, contender.style, clean(picture.predicted, 60), picture.probability or 0.0, right)]


def gallery(comparison: Comparison, album: Album) -> Gallery:
    """Collect the photos of all contenders."""
    samples: list[Shot] = []
    made = Gallery(samples, {}, {}, {}, {})
    for c in comparison.contenders:
        folder, found = pictures_of(c, album.left_out)
        cams = {p.file: p for p in found if p.kind == "cam"}
        first = not samples
        for picture in found:
            if picture.kind in ("activation", "filters"):
                if photo := album.photo(folder, picture.picture, SHEET_SIDE):
                    kept = made.activations if picture.kind == "activation" else made.filters
                    kept.setdefault(c.name, []).append(Sheet(photo, clean(picture.layer or "", 60)))
                continue
            if picture.kind not in ("sample", "worst") or not (photo := album.photo(folder, picture.picture)):
                continue
            if picture.file:
                made.by_file.setdefault(picture.file, photo)
            truth = clean(picture.truth or "not known", 60)
            if picture.kind == "sample" and first and len(samples) < MOST_SAMPLES:
                said = (_answers_on(comparison, picture.file) if picture.file else []) or _own(c, picture)
                samples.append(Shot(photo, truth, said))
            worst = made.worst.setdefault(c.name, [])
            if picture.kind == "worst" and len(worst) < MOST_WORST:
                cam = cams.get(picture.file) if picture.file else None
                seen = album.photo(folder, cam.picture) if cam else None
                worst.append(Shot(photo, truth, _own(c, picture), seen))
    return made


def flips(found: Gallery, comparison: Comparison, pair: Pair) -> tuple[list[Shot], list[Shot]]:
    """Photos that `b` has right and `a` wrong, and the other way round, as far as their pictures are stored."""
    if pair.a.answers is None:
        return [], []

    def shots(places: Sequence[int]) -> list[Shot]:
        made: list[Shot] = []
        for i in places:
            answers, classes = pair.a.answers, pair.a.group.any.dataset.classes
            if answers is None or answers.files[i] not in found.by_file or len(made) == MOST_FLIPS:
                continue
            said = [s for s in _answers_on(comparison, answers.files[i]) if s.name in (pair.a.name, pair.b.name)]
            made.append(Shot(found.by_file[answers.files[i]], clean(classes[int(answers.truth[i])], 60), said))
        return made

    return shots(pair.fixed), shots(pair.broken)


def class_samples(comparison: Comparison, album: Album) -> list[tuple[str, list[Photo]]]:
    """Sample photos of the dataset by class, as stored beside its facts."""
    if not comparison.contenders:
        return []
    facts = comparison.study.facts.get(comparison.contenders[0].group.any.dataset.manifest_sha256)
    if not facts:
        return []
    by_class: dict[str, list[Photo]] = {}
    for picture in facts[0].samples[:MOST_CLASS_SAMPLES]:
        if photo := album.photo(facts[1], picture.picture):
            by_class.setdefault(clean(picture.truth or "", 60), []).append(photo)
    return list(by_class.items())
