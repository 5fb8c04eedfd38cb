"""What all tests share: an own cache folder, one thread per process, and access to real photos and weights."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from tests.forked import Forkserver, forkserver

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _isolate_the_process(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    # Test processes run in parallel. More threads per process would only slow them down.
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _ctrl_c_works() -> None:
    """Let Ctrl-C work. Shells in the background and commands run in this process switch it off, for children too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def command_server(_isolate_the_process: None) -> Iterator[Forkserver]:
    """The process that the commands `bench` and `reports` are forked from."""
    with forkserver("bench.cli", "bench.runs.worker", "torchvision.models", "scipy.stats", "reports.page") as server:
        yield server


@pytest.fixture
def shared_file() -> Callable[[str], Path]:
    """A function from a file's name to its path beside the project. The test is skipped if the file does not exist."""

    def find(name: str) -> Path:
        if not (SHARED / name).is_file():
            pytest.skip(f"{SHARED / name} does not exist: real photos and weights are not part of the project")
        return SHARED / name

    return find
