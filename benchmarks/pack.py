"""Packing photos: bench against ImageFolder, and against the limit, which is decoding the same JPEGs and no more.

Run `python -m benchmarks.pack` in the root of the repository. The limit is libjpeg-turbo on all cores with files that
are already in memory, at full size, without resizing or storing: the fastest of Pillow, simplejpeg and torchvision.io.
ImageFolder is one pass of a DataLoader with a worker per core, resized to the same size; its photos are discarded. Ours
reads the files, decodes at half size or less if that is enough, resizes and writes the pack.
"""

import argparse
import io
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image, features
from torch.utils.data import DataLoader
from torchvision.io import ImageReadMode, decode_jpeg

from bench.data import DECODER, open_source, pack_images
from bench.machine import cores
from benchmarks.peers import image_folders
from benchmarks.photos import add_arguments, photo_files, photos
from benchmarks.side_by_side import Target, Turn, arguments, conditions, figure, ratio, show, take_turns, write


def ours(job: argparse.Namespace, turn: Turn) -> None:
    """Packing by bench, with an empty cache each time."""
    source = open_source(str(job.photos), Path())
    for _ in range(job.rounds + 1):
        with TemporaryDirectory() as cache:
            os.environ["XDG_CACHE_HOME"] = cache
            start = time.perf_counter()
            pack_images(source, job.size, lambda event: None)
            turn(seconds=time.perf_counter() - start)


def image_folder(job: argparse.Namespace, turn: Turn) -> None:
    """One pass over train and test."""
    for _ in range(job.rounds + 1):
        start = time.perf_counter()
        for dataset in image_folders(job):
            for _ in DataLoader(dataset, job.batch_size, num_workers=cores()):
                pass
        turn(seconds=time.perf_counter() - start)


def _decode_only(job: argparse.Namespace, turn: Turn, decode: Callable[[Any], object], tensors: bool) -> None:
    torch.set_num_threads(1)
    contents = [f.read_bytes() for f in photo_files(job.photos)]
    files: list[Any] = [torch.from_numpy(np.frombuffer(c, np.uint8).copy()) for c in contents] if tensors else contents
    chunks = [files[i : i + 32] for i in range(0, len(files), 32)]

    def work(chunk: list[Any]) -> None:
        for file in chunk:
            decode(file)

    for _ in range(job.rounds + 1):
        start = time.perf_counter()
        with ThreadPoolExecutor(cores()) as pool:
            list(pool.map(work, chunks))
        turn(seconds=time.perf_counter() - start)


def pillow_decode(job: argparse.Namespace, turn: Turn) -> None:
    """Pillow, decoding only."""
    _decode_only(job, turn, lambda content: Image.open(io.BytesIO(content)).load(), tensors=False)


def simplejpeg_decode(job: argparse.Namespace, turn: Turn) -> None:
    """simplejpeg, decoding only."""
    import simplejpeg

    _decode_only(job, turn, simplejpeg.decode_jpeg, tensors=False)


def torchvision_decode(job: argparse.Namespace, turn: Turn) -> None:
    """torchvision.io, decoding only."""
    _decode_only(job, turn, lambda content: decode_jpeg(content, mode=ImageReadMode.RGB), tensors=True)


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__ or "")
    add_arguments(parser, train=3000, test=1000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=64, help="batch size of ImageFolder's loader")
    job = parser.parse_args()
    before = {
        **conditions(),
        "libjpeg_turbo": features.version("libjpeg_turbo"),
        "torch": torch.__version__,
        "ours": DECODER,
    }
    with photos(job.data, job.train, job.test) as job.photos:
        count = len(photo_files(job.photos))
        contenders = {
            "ours": ours,
            "ImageFolder": image_folder,
            "Pillow, decode only": pillow_decode,
            "torchvision.io, decode only": torchvision_decode,
        }
        if DECODER == "simplejpeg":
            contenders["simplejpeg, decode only"] = simplejpeg_decode
        legs = take_turns(contenders, job)
    rates = {name: [count / leg["seconds"] for leg in turns[1:]] for name, turns in legs.items()}
    shown = {name: figure(values) for name, values in rates.items()}
    limit = max([name for name in rates if name.endswith("only")], key=lambda name: shown[name].median)
    share = ratio(rates["ours"], rates[limit])
    targets = [Target(f"packing as a share of {limit}", share, 0.85)]
    times = ratio(rates["ours"], rates["ImageFolder"])
    rows = [[name, shown[name].text(0), f"{ratio(rates['ours'], rates[name]).median:.2f} x"] for name in rates]
    title = f"{count:,} photos to {job.size} px on {before['cores']} cores"
    show(title, ["", "images/s", "ours against it"], rows, targets)
    figures = {"images_per_second": shown, "images": count, "share_of_limit": share, "against_image_folder": times}
    write(job, "pack", before, figures, targets)


if __name__ == "__main__":
    main()
