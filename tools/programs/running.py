"""Runs a case natively or on a vGPU, on one driver, and takes its time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.programs import fetch
from tools.programs.case import Case, Outcome
from tools.programs.drivers import Driver

# Beside the interpreter that runs us: in .venv after `make setup`.
ALIQUOT = str(Path(sys.executable).parent / "aliquot")
_TIMED_OUT = 124

# Takes the time from the program's exec to its exit, the same way natively and remoted, so that
# the start of a vGPU is not in it (it has a bound of its own).
_STOPWATCH = 'from=$EPOCHREALTIME; "$@"; status=$?; echo "$from $EPOCHREALTIME" >"$0"; exit $status'


def environment(case: Case, driver: Driver) -> dict[str, str]:
    """The environment of a case: small, the same each time, with caches of its own that stay warm.

    What is not needed is left out, because a variable of the person who runs the tests (a chosen
    device, a debugging switch) must not change what is compared.
    """
    kept = ("PATH", "LANG", "TERM", "TMPDIR", "XDG_RUNTIME_DIR")
    result = {name: os.environ[name] for name in kept if name in os.environ}
    result |= {n: v for n, v in os.environ.items() if n.startswith(("ALIQUOT_", "OPENBLAS_"))}
    caches = fetch.CACHES / driver.name
    caches.mkdir(parents=True, exist_ok=True)
    result |= {
        "HOME": str(caches),
        "XDG_CACHE_HOME": str(caches / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LD_LIBRARY_PATH": fetch.library_path(),
    }
    return result | driver.environment() | case.environment()


def run(
    case: Case, driver: Driver, *, remoted: bool, options: Sequence[str] = ("--quiet",)
) -> Outcome:
    """One run of a case; `options` are those of `aliquot run`."""
    around = [ALIQUOT, "run", *options, "--"] if remoted else []
    return run_command(
        case.command(),
        environment(case, driver),
        around=around,
        folder=case.folder(),
        seconds=case.time_limit,
    )


def run_command(
    command: Sequence[str],
    variables: dict[str, str],
    *,
    around: Sequence[str] = (),
    folder: Path | None = None,
    seconds: float = 120,
) -> Outcome:
    """One run of any command, `around` before it; its process group ends at the time limit."""
    with tempfile.TemporaryDirectory() as scratch:
        stopwatch = Path(scratch) / "stopwatch"
        empty = Path(scratch) / "empty"
        empty.mkdir()
        process = subprocess.Popen(
            [*around, *stopwatched(command, stopwatch)],
            env=variables,
            cwd=folder or empty,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            stdout, stderr = process.communicate(timeout=seconds)
            status = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            status = _TIMED_OUT
            stderr += f"\n(killed: still running after {seconds} s)"
        return Outcome(status, stdout, stderr, seconds_of(stopwatch))


def stopwatched(command: Sequence[str], stopwatch: Path) -> list[str]:
    """A command that also writes to the file `stopwatch` when it began and when it ended."""
    return ["bash", "-c", _STOPWATCH, str(stopwatch), *command]


def seconds_of(stopwatch: Path) -> float:
    """From exec to exit, by that file; not a number where the command did not come to its end."""
    if not stopwatch.exists():
        return float("nan")
    begin, end = stopwatch.read_text().split()
    return float(end) - float(begin)
