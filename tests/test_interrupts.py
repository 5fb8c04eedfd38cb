"""Ctrl-C at any moment, and output to a full disk: one line and the documented exit code, for all three commands."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from collect.errors import exit_codes
from tests.forked import ROOT

COMMANDS = {
    "collect": (["--list"], "what was fetched is kept; run the same command again to continue"),
    "bench": (["list"], "finished epochs and trials are kept, the same command continues"),
    "reports": (["list"], "what was built before is unchanged"),
}
# Ctrl-C while a string is executed, as dataclasses do, would make Python end by a signal instead of an exit code.
SLOW_MODULE = "exec('import time; print(\"importing\", flush=True); time.sleep(60)')"


def interrupted(command: list[str], slow_module: str, folder: Path) -> tuple[int, str]:
    """The exit code and stderr of a command that gets Ctrl-C while it imports a module."""
    (folder / f"{slow_module}.py").write_text(SLOW_MODULE)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    process = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert b"importing\n" in iter(process.stdout.readline, b"")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors.decode()


@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_while_a_command_is_imported_ends_it_with_a_line(name: str, tmp_path: Path) -> None:
    code, errors = interrupted([name, *COMMANDS[name][0]], "typer", tmp_path)
    assert (code, errors) == (130, f"{name}: interrupted before it began\n")


def test_ctrl_c_while_bench_run_imports_torch_ends_it_with_a_line(tmp_path: Path) -> None:
    code, errors = interrupted(["bench", "run", "all", "--dry-run"], "torch", tmp_path)
    assert (code, errors) == (130, f"bench: interrupted; {COMMANDS['bench'][1]}\n")


def test_the_silent_exit_that_typer_makes_of_ctrl_c_gets_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught, exit_codes("bench", "all is kept"):
        raise SystemExit(130)
    assert caught.value.code == 130
    assert capsys.readouterr().err == "bench: interrupted; all is kept\n"
    for code in (0, 1, 2):
        with pytest.raises(SystemExit) as caught, exit_codes("bench", "all is kept"):
            raise SystemExit(code)
        assert caught.value.code == code
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_to_a_full_disk_is_an_error_with_a_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "collect", "--list"]
    with Path("/dev/full").open("w") as full:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert "the disk is full; free some space and run the same command again" in done.stderr
    assert done.stderr.count("\n") == 1
