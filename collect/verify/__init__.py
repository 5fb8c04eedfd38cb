"""One photo: its bytes decoded under limits, turned into an upright JPEG, kept or rejected."""

from collect.verify.decoding import open_photo, quiet_decoders
from collect.verify.jpeg import count_scans
from collect.verify.photo import (
    MAX_BYTES,
    THUMB_SIDE,
    Verified,
    perceptual_hash,
    read_thumbnail,
    thumbnail,
    verify,
)
from collect.verify.pixels import decode
from collect.verify.signature import HEAD_BYTES, INSTALL_HEIF, can_read_heic, is_photo
