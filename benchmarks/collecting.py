"""collect against img2dataset and a serial loop: whole processes, a local server, one machine.

Run `python -m benchmarks.collecting --img2dataset PATH_TO_ITS_COMMAND` in the root of the repository; without the
option img2dataset is skipped. Every tool fetches the same photos into its own folder. collect does all of its checks;
img2dataset runs with `resize_mode=no` and several settings. Prints a table and writes collecting.json.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.side_by_side import ROOT, conditions, process_seconds

SETTINGS = ((1, 32), (1, 64), (2, 32), (2, 64))  # img2dataset's processes and threads
Row = dict[str, Any]
Fetch = Callable[[str, int, Path], float]


@contextmanager
def server(number: int, latency_seconds: float) -> Iterator[dict[str, Any]]:
    """The photo server in its own process."""
    command = [sys.executable, "-m", "benchmarks.photo_server", str(number), str(latency_seconds)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()


def run_collect(url: str, number: int, folder: Path) -> float:
    """Seconds of collect with its checks on."""
    test = number // 5
    command = [sys.executable, "-m", "collect", "car", "--train", str(number - test), "--test", str(test), "--quiet"]
    keys = {"FLICKR_API_URL": f"{url}/rest/", "FLICKR_API_KEY": "key", "FLICKR_API_SECRET": "secret"}
    return process_seconds(command, folder, PYTHONPATH=str(ROOT), **keys)


def run_serial(url: str, number: int, folder: Path) -> float:
    """Seconds of the serial loop."""
    command = [sys.executable, "-m", "benchmarks.serial_loop", f"{url}/rest/", str(number), "photos"]
    return process_seconds(command, folder, PYTHONPATH=str(ROOT))


def run_img2dataset(tool: str, processes: int, threads: int, url: str, number: int, folder: Path) -> float:
    """Seconds of img2dataset, writing files."""
    listing = folder / "urls.txt"
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
    return process_seconds(command, folder, NO_ALBUMENTATIONS_UPDATE="1")


def measure_tool(name: str, fetch: Fetch, url: str, number: int, repeats: int) -> Row:
    """A row for one tool, with the best of `repeats`. Ends the program if the tool leaves too few photos."""
    seconds = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            seconds.append(fetch(url, number, Path(folder)))
            photos = [path for path in Path(folder).rglob("*.jpg") if not path.parent.name.startswith(".")]
        if len(photos) != number:
            raise SystemExit(f"{name} left {len(photos)} of {number} photos")
    return {"tool": name, "photos": number, "seconds": seconds, "photos_per_second": number / min(seconds)}


def measure(latency_seconds: float, tools: dict[str, Fetch], job: argparse.Namespace) -> list[Row]:
    """One row per tool at this latency: collect first, the serial loop last."""
    with server(job.photos, latency_seconds) as address:
        url = str(address["url"])
        rows = [measure_tool(name, fetch, url, job.photos, job.repeats) for name, fetch in tools.items()]
        rows.append(measure_tool("serial loop", run_serial, url, job.serial, 1))
    for row in rows:
        row["latency_ms"] = 1000 * latency_seconds
        row["collect_is_faster_by"] = rows[0]["photos_per_second"] / row["photos_per_second"]
        print(
            f"{row['latency_ms']:4.0f} ms  {row['tool']:<20} {row['photos']:>6,} {min(row['seconds']):8.2f} s "
            f"{row['photos_per_second']:8.1f}/s  collect is faster by {row['collect_is_faster_by']:.2f}"
        )
    return rows


def main() -> None:
    """Measure without latency and at 100 ms."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--img2dataset", default=shutil.which("img2dataset"), help="its command, from its environment")
    parser.add_argument("--photos", type=int, default=1500)
    parser.add_argument("--serial", type=int, default=300, help="photos for the serial loop, which is slow")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("collecting.json"))
    job = parser.parse_args()
    tools: dict[str, Fetch] = {"collect": run_collect}
    if job.img2dataset:
        for processes, threads in SETTINGS:
            name = f"img2dataset {processes} x {threads}"
            tools[name] = partial(run_img2dataset, job.img2dataset, processes, threads)
    rows = [row for latency_seconds in (0.0, 0.1) for row in measure(latency_seconds, tools, job)]
    job.out.write_text(json.dumps({**conditions(), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
