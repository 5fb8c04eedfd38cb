"""All images of a dataset, decoded and resized once into one memory-mapped file."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from bench.cache import HEADER_BYTES, ArrayKind, cache_folder, stored_array, write_array
from bench.data.decode import DECODER, decode_images, image_errors
from bench.data.source import Source
from bench.errors import VggbenchError
from bench.events import Emit, ImagesDone, Note
from bench.machine import cores
from collect.manifest import Row, file_sha256

PACK_VERSION = f"square-bilinear-4-{DECODER}"
PACK_FORMAT = "vggbench.pack/1"
CHUNK = 32


@dataclass(frozen=True, slots=True)
class Pack:
    """All images of a dataset, uint8 (n, size, size, 3) in its rows' order. `is_new` if they were packed just now."""

    images: NDArray[np.uint8]
    source_sha256: str
    is_new: bool


def pack_images(source: Source, size: int, emit: Emit) -> Pack:
    """The pack of a source, from the user's cache or made now. Raises VggbenchError for a file it cannot read, or that
    is not the one in the manifest.
    """
    key = hashlib.sha256(f"{source.sha256}|{size}|{PACK_VERSION}".encode()).hexdigest()[:24]
    path = cache_folder() / "packs" / f"{key}.pack"
    images, _, is_new = stored_array(
        path,
        PACK_FORMAT,
        ArrayKind(np.uint8, len(source.rows)),
        lambda: _write_pack(path, source, size, emit),
        lambda line: emit(Note(line)),
    )
    return Pack(images, source.sha256, is_new)


def _write_pack(path: Path, source: Source, size: int, emit: Emit) -> None:
    rows, shape = source.rows, (len(source.rows), size, size, 3)
    with write_array(path, PACK_FORMAT, np.uint8, shape, {}) as out, ThreadPoolExecutor(cores()) as pool:
        writing = Lock()

        def decode_chunk(start: int) -> int:
            squares = decode_images(_checked_files(source.folder, rows[start : start + CHUNK]), size)
            with writing:
                out.seek(HEADER_BYTES + start * squares[0].nbytes)
                out.write(squares.data)
            return len(squares)

        done = 0
        for count in pool.map(decode_chunk, range(0, len(rows), CHUNK)):
            done += count
            emit(ImagesDone("packing images", done, len(rows)))


def _checked_files(folder: Path, rows: Sequence[Row]) -> list[str]:
    """The paths of rows. A pack is kept under the hash of its rows, so each file must be the one in its row."""
    paths = [os.path.join(folder, row.file) for row in rows]  # noqa: PTH118
    for path, row in zip(paths, rows, strict=True):
        with image_errors(path):
            sha256 = file_sha256(Path(path))
        if sha256 != row.sha256:
            advice = f"run again; if it was collected, collect --verify {folder.name} lists all such photos"
            raise VggbenchError(f"{path}: changed since the dataset was made; {advice}")
    return paths
