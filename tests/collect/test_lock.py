"""The lock on a folder: two processes, an owner that was killed, and file systems without locks."""

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from collect.errors import VggbenchError
from collect.lock import LOCK_FILE, fcntl, lock_folder
from tests.forked import ROOT

OWNER = """
import sys
from pathlib import Path
from collect.lock import lock_folder
with lock_folder(Path(sys.argv[1]), print):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path):
    """Another process that holds the lock of `tmp_path`/here until its standard input ends."""
    command = [sys.executable, "-c", OWNER, str(tmp_path / "here")]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == b"locked\n"
    with process:
        yield process
        process.stdin.close()


def silent(line: str) -> None:
    raise AssertionError(line)


def test_a_lock_makes_the_folder_and_leaves_no_file(tmp_path: Path) -> None:
    for _ in range(2):
        with lock_folder(tmp_path / "a" / "b", silent):
            assert f"process {os.getpid()} on " in (tmp_path / "a" / "b" / LOCK_FILE).read_text()
        assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_second_process_names_the_owner_and_its_age(other: subprocess.Popen, tmp_path: Path) -> None:
    an_hour_ago = (tmp_path / "here" / LOCK_FILE).stat().st_mtime - 3600
    os.utime(tmp_path / "here" / LOCK_FILE, (an_hour_ago, an_hour_ago))
    owner = rf"here: another command works here \(process {other.pid} on .+, for 60 min\); wait until it ends, or stop"
    with pytest.raises(VggbenchError, match=owner), lock_folder(tmp_path / "here", silent):
        pass


def test_an_owner_is_named_although_it_has_only_just_got_the_lock(other: subprocess.Popen, tmp_path: Path) -> None:
    file = tmp_path / "here" / LOCK_FILE
    os.truncate(file, 0)
    threading.Timer(0.1, file.write_text, ["process 7 on mars"]).start()
    with pytest.raises(VggbenchError, match=r"process 7 on mars, for"), lock_folder(tmp_path / "here", silent):
        pass


def test_a_second_process_waits_with_a_line(other: subprocess.Popen, tmp_path: Path) -> None:
    lines: list[str] = []

    def notify(line: str) -> None:
        lines.append(line)
        threading.Timer(0.2, other.stdin.close).start()

    with lock_folder(tmp_path / "here", notify, wait=True):
        assert other.wait() == 0
    assert len(lines) == 1 and lines[0].endswith("; waiting until it ends")
    assert list((tmp_path / "here").iterdir()) == []


def test_the_lock_of_a_killed_process_is_taken_over(other: subprocess.Popen, tmp_path: Path) -> None:
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert (tmp_path / "here" / LOCK_FILE).is_file()
    with lock_folder(tmp_path / "here", silent):
        assert f"process {os.getpid()} on " in (tmp_path / "here" / LOCK_FILE).read_text()


def test_many_threads_are_never_inside_at_once(tmp_path: Path) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with lock_folder(tmp_path, lambda line: None, wait=True):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert list(tmp_path.iterdir()) == []


def test_what_a_lock_file_holds_cannot_change_the_terminal(other: subprocess.Popen, tmp_path: Path) -> None:
    (tmp_path / "here" / LOCK_FILE).write_bytes(b"\x1b[2J\xff\nprocess")
    with pytest.raises(VggbenchError) as caught, lock_folder(tmp_path / "here", silent):
        pass
    assert str(caught.value).isprintable()


def test_a_file_system_without_locks_gets_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_file: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    lines: list[str] = []
    with lock_folder(tmp_path, lines.append) as file:
        assert file is None
    assert lines == [f"{tmp_path}: this file system has no locks; do not let two commands work here at once"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError) as caught, lock_folder(tmp_path / "file", silent):
        pass
    assert caught.value.filename == str(tmp_path / "file")
