"""Damaged images of every format through both decoders: `collect` and `bench` keep them right or say why not.

FUZZ_SECONDS=3600 pytest -s tests/test_fuzz_images.py runs it for an hour, from another seed each time. A failure names
its seed.
"""

import io
import os
import time
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data import decode_images
from bench.errors import VggbenchError
from collect.candidate import RejectError
from collect.verify import verify
from tests.factories.damage import damaged, sample_images

SECONDS = float(os.environ.get("FUZZ_SECONDS", 0))
CASES = 600  # of a usual test run
MOST_CPU_SECONDS = 2

pytestmark = [pytest.mark.filterwarnings("ignore::UserWarning:PIL"), pytest.mark.timeout(240 + SECONDS)]


def check(data: bytes, path: Path) -> bool:
    """Whether `verify` keeps the image. What it keeps can be decoded, upright and of the size that it says."""
    path.write_bytes(data)
    try:
        decode_images([path], 32)
    except VggbenchError as err:
        assert str(err).startswith(f"{path}: not a readable image (")
    try:
        kept = verify(data)
    except RejectError as err:
        assert err.detail and not err.transient
        return False
    with Image.open(io.BytesIO(kept.jpeg)) as image:
        image.load()
        assert (image.format in ("JPEG", "MPO"), image.size) == (True, (kept.width, kept.height))
    path.write_bytes(kept.jpeg)
    decode_images([path], 32)
    return True


def test_damaged_images_are_kept_right_or_rejected(tmp_path: Path) -> None:
    samples, path = sample_images(), tmp_path / "photo.jpg"
    until, first = time.monotonic() + SECONDS, time.time_ns() if SECONDS else 0
    is_kept = []
    for seed in count(first):
        rng = np.random.default_rng(seed)
        data = damaged(samples[seed % len(samples)], samples, rng)
        started = time.process_time()
        try:
            is_kept.append(check(data, path))
        except BaseException as err:
            err.add_note(f"seed {seed}")
            raise
        assert time.process_time() - started < 2 * MOST_CPU_SECONDS, f"seed {seed}"
        if len(is_kept) >= CASES and time.monotonic() >= until:
            break
    print(f"{len(is_kept):,} damaged images, {sum(is_kept):,} kept")
    assert 0.1 < np.mean(is_kept) < 0.9
