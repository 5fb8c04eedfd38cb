"""How long a command takes to answer: `--help` of all three, and `bench list` with a thousand runs.

Run `python -m benchmarks.startup` in the root of the repository. Every measurement is a whole process.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.side_by_side import Target, arguments, conditions, figure, process_seconds, show, write
from tests.factories.results import make_records


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__ or "", rounds=7)
    parser.add_argument("--runs", type=int, default=1000, help="runs for `bench list`")
    job = parser.parse_args()
    before = conditions()
    with TemporaryDirectory() as results:
        make_records(Path(results), job.runs)
        commands = {f"{name} --help": (name, "--help") for name in ("collect", "bench", "reports")}
        commands[f"bench list, {job.runs:,} runs"] = ("bench", "list", "--results", results)
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(job.rounds + 1):
            for name, command in commands.items():
                value = process_seconds([sys.executable, "-m", *command])
                if number:
                    taken[name].append(value)
    shown = {name: figure(values) for name, values in taken.items()}
    targets = [Target(name, f, 0.5 if name.endswith("--help") else 1.0, at_least=False) for name, f in shown.items()]
    show("Starting up", ["", "seconds"], [[name, f.text(2, " s")] for name, f in shown.items()], targets)
    write(job, "startup", before, {"seconds": shown}, targets)


if __name__ == "__main__":
    main()
