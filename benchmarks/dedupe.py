"""How well and how fast near duplicates are found.

Run `python -m benchmarks.dedupe FOLDER` in the root of the repository, with a FOLDER of photos that are all different.
Each photo is changed as copies on the web are. Recall is the fraction of changed copies that are found with their
original, precision the fraction of found pairs that are such a pair. Then 100,000 hashes are searched that contain as
many near and wide pairs as real photos do.
"""

import argparse
import io
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from collect.dedupe import find_near_duplicates
from collect.verify import perceptual_hash, thumbnail

Change = Callable[[Image.Image], Image.Image]


def recompressed(image: Image.Image) -> Image.Image:
    """Saved as JPEG at quality 30."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=30)
    return Image.open(out)


def cropped(image: Image.Image) -> Image.Image:
    """5 % less width and height, the same on each side."""
    dx, dy = round(image.width * 0.025), round(image.height * 0.025)
    return image.crop((dx, dy, image.width - dx, image.height - dy))


def cropped_at_a_corner(image: Image.Image) -> Image.Image:
    """5 % less width and height, all at the left and the top."""
    return image.crop((round(image.width * 0.05), round(image.height * 0.05), image.width, image.height))


def watermarked(image: Image.Image) -> Image.Image:
    """A name across the lower part, in letters of a twelfth of the height."""
    marked = image.copy()
    font = ImageFont.load_default(max(10, image.height // 12))
    ImageDraw.Draw(marked).text((image.width // 3, image.height * 6 // 7), "(c) A. Adams", fill="white", font=font)
    return marked


CHANGES: dict[str, Change] = {
    "resized to half": lambda i: i.resize((i.width // 2, i.height // 2), Image.Resampling.LANCZOS),
    "recompressed (q30)": recompressed,
    "cropped 5 %": cropped,
    "cropped 5 % at one corner": cropped_at_a_corner,
    "mirrored": ImageOps.mirror,
    "watermarked": watermarked,
}


def quality(files: list[Path]) -> list[dict[str, object]]:
    """Precision and recall for each change."""
    images = [Image.open(f).convert("RGB") for f in files]
    originals = [thumbnail(i) for i in images]
    rows: list[dict[str, object]] = []
    for name, change in CHANGES.items():
        thumbs = originals + [thumbnail(change(i)) for i in images]
        pairs = find_near_duplicates([perceptual_hash(t) for t in thumbs], thumbs.__getitem__)
        right = sum(p.second == p.first + len(images) for p in pairs)
        rows.append(
            {
                "change": name,
                "recall": right / len(images),
                "precision": right / max(1, len(pairs)),
                "pairs": len(pairs),
            }
        )
    return rows


def speed(number: int, files: list[Path]) -> dict[str, object]:
    """Seconds and peak memory for `number` hashes: those of the photos, and copies of them with random bits flipped.

    Flipping about 16 of 64 bits keeps the copies apart, while the hashes remain as unevenly distributed as real ones.
    """
    rng = np.random.default_rng(0)
    thumbs = [thumbnail(Image.open(f).convert("RGB")) for f in files]
    real = np.array([int(perceptual_hash(t), 16) for t in thumbs], dtype=np.uint64)
    picked = rng.integers(0, len(real), number)
    noise = np.packbits(rng.random((number, 64)) < 0.25, axis=1).view(np.uint64)[:, 0]
    hashes = [f"{int(h):016x}" for h in real[picked] ^ noise]
    started = time.perf_counter()
    pairs = find_near_duplicates(hashes, lambda i: thumbs[picked[i]])
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"hashes": number, "seconds": seconds, "peak_memory_bytes": peak, "near_duplicates": len(pairs)}


def main() -> None:
    """Measure, print a table and write dedupe.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--hashes", type=int, default=100_000)
    parser.add_argument("--out", type=Path, default=Path("dedupe.json"))
    args = parser.parse_args()
    files = sorted(args.folder.rglob("*.jpg"))
    files = files[:: max(1, len(files) // args.photos)][: args.photos]
    if not files:
        parser.error(f"{args.folder}: no .jpg files")
    rows = quality(files)
    print(f"{len(files):,} photos of {args.folder}")
    for row in rows:
        print(f"{row['change']:<24} recall {row['recall']:.3f}  precision {row['precision']:.4f}")
    fast = speed(args.hashes, files)
    print(f"{args.hashes:,} hashes: {fast['seconds']:.1f} s, peak memory {fast['peak_memory_bytes'] / 1e9:.2f} GB")
    args.out.write_text(json.dumps({"photos": len(files), "quality": rows, "speed": fast}, indent=1))


if __name__ == "__main__":
    main()
