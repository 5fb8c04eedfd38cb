"""Which photos are the same: precision and recall on changed copies of generated pictures."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from collect.dedupe.exact import dedupe
from collect.dedupe.near import clusters, find_near_duplicates
from collect.manifest import Row
from collect.verify import perceptual_hash, thumbnail
from tests.servers.photos import picture


def cropped(image: Image.Image) -> Image.Image:
    """Cropped by 5 % of the width and height."""
    dx, dy = image.width // 40, image.height // 40
    return image.crop((dx, dy, image.width - dx, image.height - dy))


def watermarked(image: Image.Image) -> Image.Image:
    """With a name written into a corner."""
    marked = image.copy()
    ImageDraw.Draw(marked).text((image.width // 2, image.height - 15), "(c) A. Adams", fill="white")
    return marked


def recompressed(image: Image.Image) -> Image.Image:
    """Through JPEG at quality 30."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=30)
    return Image.open(out)


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "resized": lambda i: i.resize((i.width * 2 // 3, i.height * 2 // 3), Image.Resampling.LANCZOS),
    "recompressed": recompressed,
    "cropped": cropped,
    "mirrored": ImageOps.mirror,
    "watermarked": watermarked,
}


def pairs_among(images: list[Image.Image]) -> set[tuple[int, int]]:
    """Positions of the pairs found among images."""
    thumbs = [thumbnail(i) for i in images]
    return {(t.first, t.second) for t in find_near_duplicates([perceptual_hash(t) for t in thumbs], thumbs.__getitem__)}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_found_and_no_other_pairs(change: str) -> None:
    images = [picture(seed) for seed in range(60)]
    pairs = pairs_among(images + [CHANGES[change](i) for i in images])
    right = {(i, i + 60) for i in range(60)}
    assert len(pairs & right) >= 54
    assert pairs <= right


def test_different_real_photos_are_not_confused(shared_file) -> None:
    import tarfile

    with tarfile.open(shared_file("imagenette2-144-squared.tgz"), "r|gz") as tar:
        images = []
        for member in tar:
            if member.isfile() and len(images) < 1500:
                with Image.open(io.BytesIO(tar.extractfile(member).read())) as image:
                    images.append(image.convert("RGB"))
    assert pairs_among(images) == set()
    copies = [cropped(i) for i in images[:100]] + [recompressed(i) for i in images[:100]]
    pairs = pairs_among(images[:100] + copies)
    assert len({(a, b) for a, b in pairs if b % 100 == a and a < 100}) >= 170
    assert all((a - b) % 100 == 0 for a, b in pairs)


def test_clusters_join_items_through_others() -> None:
    assert clusters(6, [(4, 5), (1, 2), (2, 4)]) == [0, 1, 1, 3, 1, 1]


def row(
    name: str, class_: str, sha: str, phash: str, split: str = "", owner: str | None = None, source="archive"
) -> Row:
    """A row as dedupe sees it."""
    return Row("", class_, split, sha, source_sha256=sha, phash=phash, source=source, source_id=name, owner=owner)


def nothing(_: Row) -> np.ndarray | None:
    """No thumbnail is available."""
    return None


def test_the_first_photo_of_each_group_is_kept() -> None:
    rows = [
        row("a", "car", "1", "0000000000000000"),
        row("b", "car", "1", "0000000000000000"),
        row("c", "car", "2", "0000000000000003"),
        row("d", "car", "2", "0000000000000003"),
        row("e", "car", "3", "ffffffffffffffff"),
    ]
    duplicates = dedupe(rows, nothing, (), {})
    assert [r.source_id for r in duplicates.kept] == ["a", "e"]
    assert {r.source_id: r.reason for r in duplicates.rejected} == {
        "b": "exact-duplicate",
        "c": "near-duplicate",
        "d": "exact-duplicate",
    }
    assert (duplicates.exact, duplicates.near) == (2, 1)
    assert next(r for r in duplicates.rejected if r.source_id == "b").detail == "same file as a"


def test_a_photo_that_two_classes_claim_belongs_to_neither() -> None:
    rows = [row("a", "car", "1", "00000000000000ff"), row("b", "bicycle", "1", "00000000000000ff")]
    duplicates = dedupe(rows, nothing, (), {})
    assert duplicates.kept == []
    assert {r.reason for r in duplicates.rejected} == {"class-conflict"}


def test_photos_of_an_earlier_run_are_kept() -> None:
    rows = [row("a", "car", "1", "00000000000000ff"), row("b", "bicycle", "1", "00000000000000ff")]
    duplicates = dedupe(rows, nothing, {("car", "a")}, {})
    assert [r.source_id for r in duplicates.kept] == ["a"]
    assert [r.reason for r in duplicates.rejected] == ["exact-duplicate"]


def test_the_same_bytes_from_many_owners_are_a_placeholder() -> None:
    rows = [row(str(i), "car", "1", "00000000000000ff", owner=f"o{i}", source="flickr") for i in range(4)]
    rows.append(row("real", "car", "2", "ffffffff00000000", owner="o9", source="flickr"))
    duplicates = dedupe(rows, nothing, (), {})
    assert [r.source_id for r in duplicates.kept] == ["real"]
    assert {r.reason for r in duplicates.rejected} == {"placeholder"}


def test_rows_without_a_hash_are_in_no_pair() -> None:
    rows = [row("a", "car", "1", ""), row("b", "bus", "2", ""), row("c", "car", "3", "00000000000000ff")]
    rows += [row("d", "car", "4", "00000000000000fe"), row("e", "car", "1", "")]
    duplicates = dedupe(rows, nothing, (), {})
    assert [r.source_id for r in duplicates.kept] == ["a", "b", "c"]
    assert {r.source_id: r.reason for r in duplicates.rejected} == {"d": "near-duplicate", "e": "exact-duplicate"}
