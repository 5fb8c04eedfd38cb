"""How long a report takes and how large it is: 4 models x 5 seeds on a dataset of Imagenette's size, then 1,000 runs.

Run `python -m benchmarks.report [RUNS]` in the root of the repository. Each report is built in a fresh process. The
script prints wall seconds, peak memory and the size of the file.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.factories.results import PROFILES, TEN_CLASSES, make_dataset


def make_results(folder: Path, runs: int, seeds_with_pictures: int) -> None:
    """`runs` runs of the four models, ten classes, 3,925 test images, eight epochs."""
    seeds = runs // len(PROFILES)
    make_dataset(
        folder, "imagenette", TEN_CLASSES, seeds=seeds, test=3925, epochs=8, seeds_with_pictures=seeds_with_pictures
    )


def measured(folder: Path) -> str:
    """Wall seconds of a build in a fresh process, the peak memory of any child so far, and the size of the file."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "reports", "build", "--results", str(folder)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return f"{seconds:6.1f} s {memory:6.0f} MiB {Path(out.strip()).stat().st_size / 1e6:5.2f} MB"


if __name__ == "__main__":
    for runs in (20, int(sys.argv[1]) if len(sys.argv) > 1 else 1000):
        with tempfile.TemporaryDirectory() as folder:
            make_results(Path(folder), runs, seeds_with_pictures=5 if runs == 20 else 1)
            print(f"{runs:5} runs {measured(Path(folder))}")
