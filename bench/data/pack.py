"""All images of a dataset, decoded and resized once into one memory-mapped file."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from bench.data.decode import DECODER, decode_images
from bench.data.source import Source
from bench.errors import VggbenchError
from bench.events import Emit, ImagesDone
from bench.machine import cache_folder, cores
from collect.manifest import atomic_write

PACK_VERSION = f"square-bilinear-4-{DECODER}"
CHUNK = 32


@dataclass(frozen=True, slots=True)
class Pack:
    """All images of a dataset, uint8 (n, size, size, 3) in its rows' order. `is_new` if they were packed just now."""

    images: NDArray[np.uint8]
    source_sha256: str
    is_new: bool


def pack_images(source: Source, size: int, emit: Emit) -> Pack:
    """The pack of a source, from the user's cache or made now. Raises VggbenchError for a file it cannot read."""
    key = hashlib.sha256(f"{source.sha256}|{size}|{PACK_VERSION}".encode()).hexdigest()[:24]
    path = cache_folder() / "packs" / f"{key}.npy"
    is_new = not path.is_file()
    if is_new:
        _write_pack(path, source, size, emit)
    try:
        return Pack(np.load(path, mmap_mode="c"), source.sha256, is_new)
    except ValueError as err:
        raise VggbenchError(f"{path}: a damaged file of the cache; delete it and run again") from err


def _write_pack(path: Path, source: Source, size: int, emit: Emit) -> None:
    files = [os.path.join(source.folder, row.file) for row in source.rows]  # noqa: PTH118
    with atomic_write(path, "wb") as out, ThreadPoolExecutor(cores()) as pool:
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(files), size, size, 3)}
        np.lib.format.write_array_header_1_0(out, header)
        first, writing = out.tell(), Lock()

        def decode_chunk(start: int) -> int:
            squares = decode_images(files[start : start + CHUNK], size)
            with writing:
                out.seek(first + start * squares[0].nbytes)
                out.write(squares.data)
            return len(squares)

        done = 0
        for count in pool.map(decode_chunk, range(0, len(files), CHUNK)):
            done += count
            emit(ImagesDone("packing images", done, len(files)))
