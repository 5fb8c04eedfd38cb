"""collect against img2dataset and the serial loop, whole processes, one loopback server, one machine.

`python benchmarks/collect.py --img2dataset PATH_TO_ITS_COMMAND` (without it that row is left out). Every tool fetches
the same photos into a folder of its own; collect does all of its checks, img2dataset runs with `resize_mode=no` at the
best of several settings. Prints a table and writes collect.json.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
SETTINGS = ((1, 32), (1, 64), (2, 32), (2, 64))  # img2dataset's processes and threads
Row = dict[str, object]


@contextmanager
def server(number: int, latency_seconds: float) -> Iterator[dict[str, object]]:
    """The photo server in a process of its own."""
    command = [sys.executable, str(HERE / "photo_server.py"), str(number), str(latency_seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()


def timed(command: list[str], folder: Path, **environment: str) -> float:
    """Seconds of the whole process. Raises CalledProcessError with its words when it fails."""
    folder.mkdir(parents=True)
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, env={**os.environ, **environment}, check=True, capture_output=True, text=True)
    return time.perf_counter() - started


def photos_in(folder: Path) -> int:
    """Photos that a tool left behind."""
    return sum(1 for path in folder.rglob("*.jpg") if not any(p.startswith(".") for p in path.parts))


def run_collect(url: str, number: int, folder: Path) -> float:
    """collect, with its checks on."""
    test = number // 5
    command = [sys.executable, "-m", "collect", "car", "--train", str(number - test), "--test", str(test), "--quiet"]
    keys = {"FLICKR_API_URL": f"{url}/rest/", "FLICKR_API_KEY": "key", "FLICKR_API_SECRET": "secret"}
    return timed(command, folder, PYTHONPATH=str(HERE.parent), **keys)


def run_serial(url: str, number: int, folder: Path) -> float:
    """The serial loop."""
    return timed([sys.executable, str(HERE / "serial_loop.py"), f"{url}/rest/", str(number), "photos"], folder)


def run_img2dataset(tool: str, url: str, number: int, folder: Path, processes: int, threads: int) -> float:
    """img2dataset, writing files."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    listing = folder.parent / f"{folder.name}.txt"
    listing.write_text("".join(f"{url}/photo/{i}.jpg\n" for i in range(number)))
    options = {
        "url_list": listing,
        "output_folder": "photos",
        "output_format": "files",
        "resize_mode": "no",
        "processes_count": processes,
        "thread_count": threads,
        "number_sample_per_shard": -(-number // processes),
        "enable_wandb": False,
    }
    command = [tool, *(f"--{key}={value}" for key, value in options.items())]
    return timed(command, folder, NO_ALBUMENTATIONS_UPDATE="1")


def measure(latency_seconds: float, number: int, serial: int, tool: str | None, repeats: int, base: Path) -> list[Row]:
    """One row per tool, the best of `repeats`."""
    rows: list[Row] = []

    def best(name: str, wanted: int, seconds: list[float], folders: list[Path]) -> None:
        kept = min(photos_in(f) for f in folders)
        if kept != wanted:
            raise SystemExit(f"{name} left {kept} of {wanted} photos")
        fastest = min(seconds)
        rows.append(
            {"tool": name, "latency_ms": 1000 * latency_seconds, "photos": wanted, "seconds": fastest, "all": seconds,
             "photos_per_second": wanted / fastest}
        )  # fmt: skip
        print(f"{1000 * latency_seconds:4.0f} ms  {name:<34} {wanted:>6,} {fastest:8.2f} s {wanted / fastest:8.1f}/s")

    with server(number, latency_seconds) as info:
        url = str(info["url"])
        folders = [base / f"{latency_seconds}" / f"collect-{i}" for i in range(repeats)]
        best("collect", number, [run_collect(url, number, f) for f in folders], folders)
        if tool:
            for processes, threads in SETTINGS:
                folders = [base / f"{latency_seconds}" / f"i2d-{processes}-{threads}-{i}" for i in range(repeats)]
                seconds = [run_img2dataset(tool, url, number, f, processes, threads) for f in folders]
                best(f"img2dataset {processes} x {threads}", number, seconds, folders)
        folders = [base / f"{latency_seconds}" / "serial"]
        best("serial loop", serial, [run_serial(url, serial, folders[0])], folders)
    ours, loop = rows[0], rows[-1]
    for row in rows[1:]:
        row["collect_is_faster_by"] = float(str(ours["photos_per_second"])) / float(str(row["photos_per_second"]))
    peers = [float(str(r["collect_is_faster_by"])) for r in rows[1:-1]]
    against = f"{min(peers):.2f} times img2dataset at its best, " if peers else ""
    print(f"         collect: {against}{float(str(loop['collect_is_faster_by'])):.1f} times the serial loop")
    return rows


def main() -> None:
    """Measure at no latency and at 100 ms."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--img2dataset", default=shutil.which("img2dataset"), help="its command, in its own environment"
    )
    parser.add_argument("--photos", type=int, default=1500)
    parser.add_argument("--serial", type=int, default=300, help="photos for the serial loop, which is slow")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("collect.json"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        rows = [
            row
            for latency in (0.0, 0.1)
            for row in measure(latency, args.photos, args.serial, args.img2dataset, args.repeats, Path(scratch))
        ]
    machine = {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    args.out.write_text(json.dumps({**machine, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
