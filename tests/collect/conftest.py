"""How the tests of collect run it: as the command a user types, in a folder of its own."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.forked import ROOT, Forkserver, forkserver

PRIVATE = ("FLICKR_", "OPENVERSE_")


@dataclass(frozen=True)
class Outcome:
    """What a run of the command came to."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Workplace:
    """A working directory in which `collect` is run."""

    folder: Path
    server: Forkserver

    def elsewhere(self, folder: Path) -> "Workplace":
        """Another working directory."""
        return Workplace(folder, self.server)

    def start(self, *args: str, **environment: str) -> "subprocess.Popen[str]":
        """Start `collect ARGS` and leave it running."""
        return subprocess.Popen(
            [sys.executable, "-m", "collect", *args],
            cwd=self.folder,
            env=_environment(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *args: str, **environment: str) -> Outcome:
        """Run `collect ARGS` to its end."""
        done = self.server.run("collect", *args, cwd=self.folder, environment=_environment(environment))
        return Outcome(done.returncode, done.stdout, done.stderr)

    def good(self, *args: str, **environment: str) -> Outcome:
        """Run it and insist on success."""
        outcome = self.run(*args, **environment)
        assert outcome.code == 0, outcome
        return outcome

    def rows(self, name: str, file: str = "manifest.jsonl") -> list[dict[str, Any]]:
        """The records of a dataset's manifest or list of rejects."""
        path = self.folder / "data" / name / file
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def lasting(self, name: str) -> list[dict[str, Any]]:
        """The manifest less the time of retrieval and the port of a test's server."""
        rows = self.rows(name)
        for row in rows:
            row.pop("retrieved")
            row["url"] = (row["url"] or "").rpartition("/")[2]
        return rows


def _environment(more: dict[str, str]) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(PRIVATE)}
    return {**clean, "PYTHONPATH": str(ROOT), **more}


@pytest.fixture(scope="session")
def collect_server(_isolate_the_process: None) -> Iterator[Forkserver]:
    """The process that commands are forked from."""
    with forkserver("collect.pipeline", "scipy.optimize", "scipy.spatial", "PIL.JpegImagePlugin") as server:
        yield server


@pytest.fixture
def place(tmp_path: Path, collect_server: Forkserver) -> Workplace:
    """An empty working directory."""
    return Workplace(tmp_path, collect_server)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address it is served at."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def class_folders(tmp_path: Path) -> Callable[[str, dict[str, list[bytes]]], Path]:
    """Make a folder of images: path of each class folder -> the files' bytes."""

    def make(name: str, images: dict[str, list[bytes]]) -> Path:
        for folder, files in images.items():
            (tmp_path / name / folder).mkdir(parents=True, exist_ok=True)
            for i, data in enumerate(files):
                (tmp_path / name / folder / f"{i}.jpg").write_bytes(data)
        return tmp_path / name

    return make
