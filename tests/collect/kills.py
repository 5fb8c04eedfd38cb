"""Kill `collect` before one of its changes to a dataset's folder, look at what is left, and run it again.

`python -m tests.collect.kills FOLDER STEP FIRST SECOND`: in FOLDER, the command FIRST (arguments in one word) is run
unless it is empty. Then SECOND is killed before each STEP-th change, and before each of those around the new manifest.
Prints every problem and at last the number of kills. A process of its own: forks want no threads.
"""

import hashlib
import io
import os
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from pathlib import Path

from collect.audit import check_dataset
from collect.cli import app
from collect.errors import UsageError
from collect.files import file_sha256
from collect.manifest import MANIFEST, read_manifest

CHANGES = ("os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.utime", "open")
AROUND = 2
SET = "set"


def in_a_fork(work: Callable[[], None]) -> int:
    """The exit code of `work` in a process of its own; -9 if it was killed."""
    process = os.fork()
    if process == 0:
        try:
            work()
        except SystemExit as end:
            os._exit(int(end.code or 0))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def arguments(command: str, data: Path) -> list[str]:
    """The arguments of `collect COMMAND` for a dataset in `data`."""
    return [*shlex.split(command), "--name", SET, "--data", str(data), "--quiet"]


def collect(data: Path, command: str, hook: Callable[[str, tuple[object, ...]], None] | None = None) -> int:
    """Run `collect COMMAND` on the datasets in `data`; `hook` is an audit hook of its process."""

    def work() -> None:
        if hook:
            sys.addaudithook(hook)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        app(arguments(command, data))

    return in_a_fork(work)


def writes(folder: Path, act: Callable[[str], None]) -> Callable[[str, tuple[object, ...]], None]:
    """An audit hook that calls `act` with a path before each change below `folder`, from the write stage on."""
    began = False

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal began
        if event not in CHANGES or (event == "open" and not int(str(arguments[2])) & (os.O_WRONLY | os.O_RDWR)):
            return
        paths = [str(a) for a in arguments if isinstance(a, (str, Path))]
        began = began or any(".next" in path for path in paths)
        if began and any(str(folder) in path for path in paths):
            act(paths[-1])

    return hook


def changes(data: Path, command: str) -> list[str]:
    """The paths that an undisturbed run changes, in order."""
    log = data.with_suffix(".log")
    with log.open("w") as out:
        assert collect(data, command, writes(data / SET, lambda path: print(path, file=out, flush=True))) == 0
    return log.read_text().splitlines()


def kill(data: Path, command: str, number: int) -> int:
    """Run a command and kill it before its change with this number."""
    left = number

    def act(_: str) -> None:
        nonlocal left
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    return collect(data, command, writes(data / SET, act))


def content(folder: Path) -> dict[str, str]:
    """The hash of every file but the journal, without times of retrieval."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.startswith(".journal.sqlite"))
    lasting = {p: re.sub(rb'"retrieved": "[^"]*"', b"", p.read_bytes()) for p in files}
    folders = {f"{p.relative_to(folder)}/": "" for p in folder.rglob("*") if p.is_dir()}
    return folders | {str(p.relative_to(folder)): hashlib.sha256(data).hexdigest() for p, data in lasting.items()}


def problems(folder: Path) -> list[str]:
    """What is wrong after a kill: the manifest must be right, and `--verify` must pass or say what to do."""
    try:
        check = check_dataset(folder)
    except UsageError as err:
        return [] if "again to continue" in str(err) else [str(err)]
    wrong = [r.file for r in read_manifest(folder) if file_sha256(folder / r.file) != r.sha256]
    unexplained = check.differences and "run the same command again" not in check.differences[-1]
    return [*wrong, *(check.differences if unexplained else [])]


def main(place: str, step: str, first: str, second: str) -> None:
    """Print the problems of all kills."""
    with redirect_stdout(io.StringIO()), suppress(SystemExit):  # forks then import nothing
        app(arguments(second, Path(place, "warm")))
    before, data = Path(place, "before").absolute(), Path(place, "data").absolute()
    before.mkdir()
    assert not first or collect(before, first) == 0
    shutil.copytree(before, data)
    paths = changes(data, second)
    wanted = content(data / SET)
    switch = max(i for i, path in enumerate(paths) if path.endswith(f"/{MANIFEST}"))
    numbers = [n for n in range(len(paths)) if n % int(step) == 0 or abs(n - switch) <= AROUND]
    for number in numbers:
        shutil.rmtree(data)
        shutil.copytree(before, data)
        code = kill(data, second, number)
        found = problems(data / SET) if code == -signal.SIGKILL else [f"ended with {code}"]
        if (code := collect(data, second)) != 0:
            found.append(f"run again, it ended with {code}")
        after = content(data / SET)
        found += sorted({*(wanted.items() - after.items()), *(after.items() - wanted.items())})[:3]
        if not check_dataset(data / SET).passed:
            found.append("--verify fails")
        for problem in found:
            print(f"killed before change {number} ({paths[number]}): {problem}")
    print(len(numbers))


if __name__ == "__main__":
    main(*sys.argv[1:])
