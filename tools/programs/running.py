"""Runs a case natively or on a vGPU, on one driver, and takes its time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.programs import fetch
from tools.programs.case import Case, Outcome
from tools.programs.drivers import Driver

# Beside the interpreter that runs us: in .venv after `make setup`.
ALIQUOT = str(Path(sys.executable).parent / "aliquot")
_TIMED_OUT = 124
# As the shell tells of a program that a signal ended.
_CRASHED = {128 + number for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS)}

# Takes the time from the program's exec to its exit, the same way natively and remoted, so that
# the start of a vGPU is not in it (it has a bound of its own).
_STOPWATCH = 'from=$EPOCHREALTIME; "$@"; status=$?; echo "$from $EPOCHREALTIME" >"$0"; exit $status'


def environment(case: Case, driver: Driver, caches: str = "shared") -> dict[str, str]:
    """The environment of a case: small, the same each time, with caches of its own that stay warm.

    What is not needed is left out, because a variable of the person who runs the tests (a chosen
    device, a debugging switch) must not change what is compared. `caches` names the set of caches.
    """
    kept = ("PATH", "LANG", "TERM", "TMPDIR", "XDG_RUNTIME_DIR")
    result = {name: os.environ[name] for name in kept if name in os.environ}
    result |= {n: v for n, v in os.environ.items() if n.startswith(("ALIQUOT_", "OPENBLAS_"))}
    home = fetch.CACHES / driver.name / caches
    home.mkdir(parents=True, exist_ok=True)
    result |= {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LD_LIBRARY_PATH": fetch.library_path(),
    }
    return result | driver.environment() | case.environment()


def run(
    case: Case,
    driver: Driver,
    *,
    remoted: bool,
    options: Sequence[str] = ("--quiet",),
    caches: str = "shared",
) -> Outcome:
    """One run of a case; `options` are those of `aliquot run`."""
    around = [ALIQUOT, "run", *options, "--"] if remoted else []
    return run_command(
        case.command(),
        environment(case, driver, caches),
        around=around,
        folder=case.folder(),
        seconds=case.time_limit,
    )


def run_both(
    case: Case, driver: Driver, *options: str, native: Outcome | None = None
) -> tuple[Outcome, Outcome]:
    """A native run and one on a vGPU, at the same time: most of their time is one thread's.

    For their results, not for their times; nor may a kernel cost the worker because two programs
    share the processor. Their caches are apart: what a native run compiled is no vGPU's result.
    What came of a native run before, if given, stands for it: only that on a vGPU is made.
    """
    case.command()  # gets the program, if need be, before two do so at once
    case.folder()
    remoted_options = ("--quiet", "--kernel-limit", "120s", *options)
    with ThreadPoolExecutor(1) as pool:
        natively = pool.submit(lambda: native or run_natively(case, driver))
        remoted = run(case, driver, remoted=True, options=remoted_options, caches="remoted")
        return natively.result(), remoted


def run_natively(case: Case, driver: Driver) -> Outcome:
    """A native run for its results; once more when it crashed.

    Drivers crash by chance, PoCL now and then. A run that did not come to its end has no results
    to compare with; a program that crashes each time does so on a vGPU, too, and that is compared.
    """
    outcome = run(case, driver, remoted=False, caches="native")
    if outcome.status in _CRASHED:
        outcome = run(case, driver, remoted=False, caches="native")
    return outcome


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
