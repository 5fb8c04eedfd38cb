"""Hostile images: a literal dict from the name of a kind to how it is made, and what a right picture looks like."""

import io
import struct
import zlib
from collections.abc import Callable
from random import Random

import numpy as np
from PIL import Image, PngImagePlugin

from benchmarks.soaking import damage
from tests.servers.photos import encode, picture

Maker = Callable[[Random], bytes]
SIZE = (112, 96)
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "JPEG2000", "AVIF")


def shown(seed: int) -> Image.Image:
    """The picture that an image of this seed shows."""
    return picture(seed, *SIZE)


def grey(seed: int) -> np.ndarray:
    """The same in grey, 0 to 1."""
    return np.asarray(shown(seed).convert("L")) / 255


def _seed(random: Random) -> int:
    return random.randrange(10**6)


def damaged(kind: str, how: damage.Damage) -> Maker:
    """An image of a format that is damaged afterwards."""
    return lambda random: how(random, encode(shown(_seed(random)), kind))


def with_exif(tag: int, kind: int, value: bytes, is_png: bool) -> Maker:
    """A photo with orientation 6 and an EXIF tag of this type and value, right or not."""

    def make(random: Random) -> bytes:
        entries = {0x0112: (3, 1, struct.pack("<HH", 6, 0)), tag: (kind, len(value), value)}
        start = 8 + 2 + 12 * len(entries) + 4
        block, beyond = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)), b""
        for number, (type_, count, content) in sorted(entries.items()):
            here = content.ljust(4, b"\0") if len(content) <= 4 else struct.pack("<I", start + len(beyond))
            block += struct.pack("<HHI", number, type_, count) + here
            beyond += content if len(content) > 4 else b""
        block += bytes(4) + beyond
        photo = encode(shown(_seed(random)), "PNG" if is_png else "JPEG")
        if is_png:
            chunk = b"eXIf" + block
            return (
                photo[:33] + struct.pack(">I", len(block)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + photo[33:]
            )
        return photo[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 8) + b"Exif\0\0" + block + photo[2:]

    return make


def exif_noise(random: Random) -> bytes:
    """A photo whose EXIF block is noise."""
    noise = b"Exif\0\0" + random.choice((b"II*\0", b"MM\0*")) + random.randbytes(random.randrange(4, 400))
    photo = encode(shown(_seed(random)))
    return photo[:2] + b"\xff\xe1" + struct.pack(">H", len(noise) + 2) + noise + photo[2:]


def many_scans(random: Random) -> bytes:
    """A progressive JPEG whose last scan comes 500 times: small, and slow to decode."""
    photo = encode(picture(_seed(random), 2000, 1500), progressive=True, quality=40)
    start, end = photo.rfind(b"\xff\xda"), len(photo) - 2
    return photo[:start] + photo[start:end] * 500 + photo[end:]


def png_of(header: bytes, data: bytes = b"", *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these parts, with right checksums."""
    parts = [(b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )


def huge_png(random: Random) -> bytes:
    """A PNG that says it is huge."""
    side = random.choice((10_000, 50_000, 2**31 - 1))
    return png_of(struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0), zlib.compress(bytes(1000)))


def text_bomb(random: Random) -> bytes:
    """A PNG with compressed text that is 64 MiB long."""
    return png_of(struct.pack(">IIBBBBB", 80, 80, 8, 0, 0, 0, 0), zlib.compress(bytes(81 * 80)),
                  (b"zTXt", b"a\0\0" + zlib.compress(bytes(2**26))))  # fmt: skip


def frames(kind: str, count: int) -> Maker:
    """An image with many frames."""
    return lambda random: encode(
        shown(_seed(random)), kind, save_all=True, append_images=[shown(i) for i in range(count)]
    )


def many_tiff_frames(random: Random) -> bytes:
    """A TIFF whose directories form a chain of 80,000."""
    data = bytearray(b"II*\0" + struct.pack("<I", 8))
    for _ in range(80_000):
        data += struct.pack("<H", 1) + struct.pack("<HHII", 256, 3, 1, 80) + struct.pack("<I", len(data) + 18)
    return bytes(data)


def mutated_text(random: Random) -> bytes:
    """A PNG with odd text chunks."""
    info = PngImagePlugin.PngInfo()
    for _ in range(20):
        info.add_text(random.choice("abc") * random.randrange(1, 79), "x" * random.randrange(5000), zip=True)
    return encode(shown(_seed(random)), "PNG", pnginfo=info)


def wide(array: Callable[[np.ndarray], np.ndarray], kind: str) -> Callable[[int], bytes]:
    """The picture in grey in another number format."""
    return lambda seed: encode(Image.fromarray(array(grey(seed))), kind)


RIGHT: dict[str, Callable[[int], bytes]] = {  # by seed: converted right or rejected, never kept as another picture
    "16-bit PNG": wide(lambda g: (g * 65535).astype(np.uint16), "PNG"),
    "16-bit PNG, 12 bits in use": wide(lambda g: (g * 4095).astype(np.uint16), "PNG"),
    "16-bit PNG, 10 bits in use": wide(lambda g: (g * 1023).astype(np.uint16), "PNG"),
    "16-bit TIFF": wide(lambda g: (g * 65535).astype(np.uint16), "TIFF"),
    "32-bit TIFF": wide(lambda g: (g * 65535).astype(np.int32), "TIFF"),
    "float TIFF, 0 to 1": wide(lambda g: g.astype(np.float32), "TIFF"),
    "float TIFF, 0 to 255": wide(lambda g: (g * 255).astype(np.float32), "TIFF"),
    "BMP with alpha": lambda seed: encode(shown(seed).convert("RGBA"), "BMP"),
    "PNG with alpha": lambda seed: encode(shown(seed).convert("RGBA"), "PNG"),
    "PNG with palette": lambda seed: encode(shown(seed).quantize(200), "PNG"),
    "GIF": lambda seed: encode(shown(seed).quantize(200), "GIF"),
    "grey with alpha": lambda seed: encode(shown(seed).convert("LA"), "PNG"),
    "CMYK JPEG": lambda seed: encode(shown(seed).convert("CMYK"), quality=95),
    "CMYK TIFF": lambda seed: encode(shown(seed).convert("CMYK"), "TIFF"),
    "YCbCr TIFF": lambda seed: encode(shown(seed).convert("YCbCr"), "TIFF"),
    "JPEG 2000": lambda seed: encode(shown(seed), "JPEG2000"),
    "AVIF": lambda seed: encode(shown(seed), "AVIF", quality=90),
    "WebP": lambda seed: encode(shown(seed), "WEBP", quality=95),
    "progressive JPEG": lambda seed: encode(shown(seed), progressive=True, quality=90),
    "JPEG with restarts": lambda seed: encode(shown(seed), restart_marker_blocks=1, quality=90),
}
EXIF_TAGS = {  # tag, type, value: types as in TIFF 6.0, section 2
    "Make as float": (0x010F, 11, struct.pack("<f", 1.5)),
    "ResolutionUnit as text": (0x0128, 2, b"inch\0"),
    "Orientation as text": (0x0112, 2, b"six\0"),
    "Orientation as double": (0x0112, 12, struct.pack("<d", 6.0)),
    "XResolution over zero": (0x011A, 5, bytes(8)),
    "text of 60,000 letters": (0x010E, 2, b"x" * 60_000),
    "type that is unknown": (0x010F, 99, b"????"),
    "directory that is elsewhere": (0x8769, 4, b"\xff\xff\xff\x7f"),
}
HOSTILE: dict[str, Maker] = {
    "comments of markup": lambda random: b"<!--" * random.randrange(30, 8000),
    "a page": lambda random: b"<!DOCTYPE html><html>" + b"<p>" * random.randrange(1000),
    "a drawing": lambda random: b'<?xml version="1.0"?><svg onload="alert(1)"/>',
    "PostScript": lambda random: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n" + random.randbytes(500),
    "a PDF": lambda random: b"%PDF-1.7\n" + random.randbytes(500),
    "noise": lambda random: random.randbytes(random.randrange(1, 5000)),
    "noise called JPEG": lambda random: b"\xff\xd8\xff\xe0" + random.randbytes(3000),
    "noise called PNG": lambda random: b"\x89PNG\r\n\x1a\n" + random.randbytes(3000),
    "noise called TIFF": lambda random: b"II*\0\x08\0\0\0" + random.randbytes(3000),
    "500 scans": many_scans,
    "huge PNG": huge_png,
    "PNG with a text bomb": text_bomb,
    "PNG with odd text": mutated_text,
    "animated GIF": frames("GIF", 5),
    "animated WebP": frames("WEBP", 5),
    "TIFF of 20 frames": frames("TIFF", 20),
    "TIFF of 80,000 frames": many_tiff_frames,
    "MPO": frames("MPO", 2),
    "EXIF of noise": exif_noise,
    **{f"EXIF: {name}": with_exif(*tag, False) for name, tag in EXIF_TAGS.items()},
    **{f"EXIF in PNG: {name}": with_exif(*tag, True) for name, tag in EXIF_TAGS.items()},
    **{f"{kind}, {name}": damaged(kind, how) for kind in FORMATS for name, how in damage.DAMAGES.items()},
}
KINDS = (*RIGHT, *HOSTILE)


def made(kind: str, random: Random) -> tuple[bytes, Image.Image | None]:
    """An image of this kind, and what it shows if that is known."""
    if kind in HOSTILE:
        return HOSTILE[kind](random), None
    seed = _seed(random)
    return RIGHT[kind](seed), shown(seed)


def distance(path: io.BytesIO | str, image: Image.Image) -> float:
    """Mean difference between a stored picture and what it should show, in grey, 0 to 255."""
    with Image.open(path) as stored:
        if stored.size != image.size:
            return 255.0
        return float(np.abs(np.asarray(stored.convert("L"), float) - np.asarray(image.convert("L"), float)).mean())
