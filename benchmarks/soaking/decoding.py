"""Decode files as collect and as bench do, in a process of its own: `python -m benchmarks.soaking.decoding FILE...`.

Prints a line of JSON before and after each file, so that one that hangs or kills the process is known.
"""

import json
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.data.decode import decode_images
from bench.errors import VggbenchError
from collect.candidate import RejectError
from collect.verify import verify


def _cpu_seconds() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, kinds))


def _decode_for_bench(path: Path) -> None:
    decode_images([path], 32)


def _verify_for_collect(path: Path) -> None:
    verify(path.read_bytes())


WAYS: dict[str, tuple[Callable[[Path], None], type[Exception]]] = {
    "collect": (_verify_for_collect, RejectError),
    "bench": (_decode_for_bench, VggbenchError),
}


def main() -> None:
    """Decode each file in each way."""
    with ThreadPoolExecutor(1) as pool:
        for path in map(Path, sys.argv[1:]):
            for way, (decode, expected) in WAYS.items():
                print(json.dumps({"file": path.name, "way": way}), flush=True)
                start = _cpu_seconds()
                error = pool.submit(decode, path).exception()
                problem = ""
                if error is not None and not isinstance(error, expected):
                    problem = f"{type(error).__name__} escapes: {str(error)[:200]}"
                elif error is not None and way == "bench" and path.name not in str(error):
                    problem = f"the error does not name the file: {error}"
                end = {"file": path.name, "way": way, "seconds": _cpu_seconds() - start, "problem": problem}
                print(json.dumps(end), flush=True)


if __name__ == "__main__":
    main()
