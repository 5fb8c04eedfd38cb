"""Any image as the 8-bit picture that its author saw: upright, RGB or grey, white behind transparent parts.

What a file does not say for certain, such as which value of a 32-bit pixel is white, is a reason to reject it.
"""

import io

import numpy as np
from PIL import Image, ImageFile

from collect.candidate import RejectError, RejectReason
from collect.verify.decoding import DECODER_ERRORS, decoder_errors

TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION, BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 0x0112, 258, 262, 339
WHITE_IS_ZERO, UNSIGNED, UNDEFINED = 0, 1, 4

WHITE = 2**16 - 1
CLIPPED = (2**8 - 1, 2**10 - 1, 2**12 - 1, 2**14 - 1)  # white of the usual cameras and scanners
FULL_RANGE = 2**14  # an image whose brightest pixel is darker than this may have been stored with fewer bits


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 if there is none or it cannot be read."""
    try:
        found = image.getexif().get(ORIENTATION, 1)
        return found if found in TRANSPOSE else 1
    except DECODER_ERRORS:
        return 1


def decode(image: ImageFile.ImageFile) -> Image.Image:
    """The picture of an opened image: upright, RGB or L. Raises RejectError."""
    with decoder_errors():
        is_deep = image.format in ("PNG", "TIFF") and ";16" in str(image.tile[0][3])
        alpha = _undeclared_alpha(image)
        image.load()
        if alpha is not None:
            image.putalpha(alpha)
        picture = _as_rgb(image, is_deep)
        # ImageOps.exif_transpose would write the EXIF data again, which fails where it is damaged.
        method = TRANSPOSE.get(orientation(image))
        return picture if method is None else picture.transpose(method)


def _as_rgb(image: ImageFile.ImageFile, is_deep: bool) -> Image.Image:
    samples = getattr(image, "tag_v2", {}).get(SAMPLE_FORMAT, (UNSIGNED,))
    if image.mode == "F" or not {UNSIGNED, UNDEFINED}.issuperset(samples):
        raise _unsupported("signed or floating-point pixels")
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _from_16_bits(image)
    if is_deep:
        colours = np.asarray(image)[..., : len(image.getbands()) - ("A" in image.getbands())]
        if colours.max() < FULL_RANGE >> 8:
            raise _unsupported("16 bits per colour, of which few are in use")
    if image.has_transparency_data:
        return _on_white(image)
    return image if image.mode in ("RGB", "L") else image.convert("RGB")


def _unsupported(pixels: str) -> RejectError:
    return RejectError(RejectReason.UNSUPPORTED, f"{pixels}: which value is white is not known")


def _from_16_bits(image: ImageFile.ImageFile) -> Image.Image:
    """A grey image of more than 8 bits. Where the file does not tell the value of white, the picture must."""
    tags = getattr(image, "tag_v2", {})
    values = np.asarray(image).astype(np.int64)
    brightest = int(values.max())
    if tags.get(BITS_PER_SAMPLE) == (12,):
        white = 2**12 - 1
    elif image.mode == "I" and image.format != "PPM":
        raise _unsupported("grey pixels of 32 bits")
    elif brightest >= FULL_RANGE:
        white = WHITE
    elif brightest in CLIPPED:
        white = brightest
    else:
        raise _unsupported(f"grey pixels of 16 bits up to {brightest:,}")
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        values = white - values
    return Image.fromarray((values * 255 // white).astype(np.uint8))


def _undeclared_alpha(image: ImageFile.ImageFile) -> Image.Image | None:
    """The fourth byte of each pixel of a BMP that gives it no meaning. Where it is not zero, it is transparency."""
    if image.format != "BMP" or image.info.get("compression") != 0:
        return None
    offset, args = image.tile[0][2:]
    if not isinstance(args, tuple) or args[0] != "BGRX":
        return None
    _, stride, direction = args
    assert isinstance(image.fp, io.BytesIO)
    rows = np.frombuffer(image.fp.getvalue(), np.uint8, stride * image.height, offset).reshape(image.height, stride)
    return Image.fromarray(np.ascontiguousarray(rows[::direction, 3 : 4 * image.width : 4]))


def _on_white(image: Image.Image) -> Image.Image:
    upper = image.convert("RGBA")
    if upper.getchannel("A").getbbox() is None:
        if image.format != "BMP":
            raise RejectError(RejectReason.UNSUPPORTED, "all of it is transparent")
        upper.putalpha(255)  # a BMP without transparency, whose fourth byte is not in use
    return Image.alpha_composite(Image.new("RGBA", upper.size, "white"), upper).convert("RGB")
