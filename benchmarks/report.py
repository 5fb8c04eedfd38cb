"""How long a report takes and how large it grows: 4 models x 5 seeds of Imagenette's size, then 1,000 runs.

At the root of the repository: `python -m benchmarks.report [RUNS]`. Each is built in a process of its own; printed are
wall seconds, peak memory and the size of the file.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.example_results.make import KINDS, NETTE, make_facts, make_run


def results(folder: Path, runs: int, pictures: int) -> None:
    """`runs` runs of the four models, ten classes, 3,925 test images; the first `pictures` seeds with pictures."""
    for kind in KINDS:
        for seed in range(1, runs // len(KINDS) + 1):
            run = make_run(folder, "imagenette", NETTE, kind, seed, test=3925, epochs=8, pictures=seed <= pictures)
    make_facts(folder, run)


def measured(folder: Path) -> str:
    """Build in a fresh process; wall seconds, peak memory of any child so far, size of the file."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "reports", "build", "--results", str(folder)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return f"{seconds:6.1f} s {memory:6.0f} MiB {Path(out.strip()).stat().st_size / 1e6:5.2f} MB"


if __name__ == "__main__":
    for runs in (20, int(sys.argv[1]) if len(sys.argv) > 1 else 1000):
        with tempfile.TemporaryDirectory() as folder:
            results(Path(folder), runs, pictures=5 if runs == 20 else 1)
            print(f"{runs:5} runs {measured(Path(folder))}")
