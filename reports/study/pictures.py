"""The stored pictures of a study: read once, re-encoded from their pixels, only from inside their own folder."""

import base64
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from PIL import Image

from bench.records import PICTURES, DatasetFacts, Picture, RecordError, facts_folder, read_pictures, valid_name
from reports.study.contenders import Contender
from reports.study.load import Study, short_error
from reports.words import clean

FORMATS, MOST_PIXELS, MOST_BYTES = ("WEBP",), 1_000_000, 1_000_000
PHOTO_SIDE, SHEET_SIDE = 96, 560
SHEETS = ("activation", "filters")
KINDS = ("sample", "worst", "cam", *SHEETS)
MOST_CLASS_SAMPLES = 60


@dataclass(frozen=True, eq=False)
class ReportPhoto:
    """The pixels of a picture; a sheet keeps its size when the photos shrink."""

    pixels: Image.Image
    is_sheet: bool

    def embedded(self, side: int) -> dict[str, str | int]:
        """The picture as WebP, a photo at most `side` pixels wide and high; `pixelated` if smoothing would blur it."""
        pixels = self.pixels
        if not self.is_sheet and max(pixels.size) > side:
            pixels = pixels.copy()
            pixels.thumbnail((side, side), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        pixels.save(buffer, "WEBP", quality=70 if self.is_sheet else 74, method=4)
        src = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
        return {"src": src, "width": pixels.width, "height": pixels.height, "pixelated": max(pixels.size) <= 64}


@dataclass(frozen=True)
class StoredPicture:
    """A readable picture with its entry in the record; `map` shows where the model looked (Grad-CAM)."""

    entry: Picture
    photo: ReportPhoto
    map: ReportPhoto | None = None


@dataclass(frozen=True)
class Gallery:
    """All readable pictures: those of each contender by name, and of each class; `left_out` lists the others."""

    by_contender: dict[str, list[StoredPicture]]
    by_class: dict[str, list[ReportPhoto]]
    left_out: tuple[str, ...]

    @cached_property
    def by_file(self) -> dict[str, ReportPhoto]:
        """The photo of each test image that any contender stores."""
        stored = [s for pictures in self.by_contender.values() for s in pictures if s.entry.kind not in SHEETS]
        return {s.entry.file: s.photo for s in reversed(stored) if s.entry.file}


def _read(folder: Path, picture: Picture) -> ReportPhoto:
    """The pixels of a picture. Raises RecordError if it is not a readable picture inside `folder`."""
    where = folder / clean(picture.picture, 80)
    if not valid_name(picture.picture) or (folder / picture.picture).resolve().parent != folder.resolve():
        raise RecordError(f"{where}: lies outside its folder")
    path = folder / picture.picture
    try:
        if not path.is_file():
            raise RecordError(f"{where}: {'is not a file' if path.exists() else 'missing'}")
        if path.stat().st_size > MOST_BYTES:
            raise RecordError(f"{where}: is larger than {MOST_BYTES:,} bytes")
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise RecordError(f"{where}: has more than {MOST_PIXELS:,} pixels")
            pixels = image.convert("RGB")
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as err:
        raise RecordError(f"{where}: is not a readable WebP picture ({type(err).__name__})") from err
    is_sheet = picture.kind in SHEETS
    side = SHEET_SIDE if is_sheet else PHOTO_SIDE
    pixels.thumbnail((side, side), Image.Resampling.LANCZOS)
    return ReportPhoto(pixels, is_sheet)


def _readable(folder: Path, pictures: list[Picture], errors: list[RecordError]) -> list[tuple[Picture, ReportPhoto]]:
    """The pictures that can be read, with their pixels; the reasons for the others are added to `errors`."""
    photos = []
    for picture in pictures:
        try:
            photos.append((picture, _read(folder, picture)))
        except RecordError as err:
            errors.append(err)
    return photos


def _of_contender(contender: Contender, errors: list[RecordError]) -> list[StoredPicture]:
    """The pictures of the first seed that has any."""
    for run in contender.group.runs:
        folder = contender.group.folders[run.run]
        try:
            pictures = read_pictures(folder, run)
        except RecordError as err:
            errors.append(err)
            continue
        if pictures:
            photos = _readable(folder / PICTURES, [p for p in pictures if p.kind in KINDS], errors)
            maps = {p.file: photo for p, photo in photos if p.kind == "cam" and p.file}
            return [
                StoredPicture(p, photo, maps.get(p.file or "") if p.kind == "worst" else None)
                for p, photo in photos
                if p.kind != "cam"
            ]
    return []


def read_gallery(study: Study, contenders: list[Contender], facts: DatasetFacts | None) -> Gallery:
    """The pictures of all contenders, and the dataset's samples by class."""
    errors: list[RecordError] = []
    by_contender = {c.name: _of_contender(c, errors) for c in contenders}
    by_class: dict[str, list[ReportPhoto]] = {}
    if facts and contenders:
        folder = facts_folder(study.results, study.name, facts.manifest_sha256)
        for picture, photo in _readable(folder, facts.samples[:MOST_CLASS_SAMPLES], errors):
            by_class.setdefault(clean(picture.truth or "", 60), []).append(photo)
    return Gallery(by_contender, by_class, tuple(short_error(err, study.results) for err in errors))
