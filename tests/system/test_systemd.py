"""Our units under a real systemd: the socket starts the daemon, which is watched and replaced."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.absent import absent
from tests.system.booted import Booted, CannotBoot
from tools.programs.drivers import Driver, all_drivers

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(600)]

_SECONDS = 60.0


@pytest.fixture(scope="module", params=[False, True], ids=["system", "user"])
def booted(request: pytest.FixtureRequest) -> Iterator[Booted]:
    drivers: list[Driver] = all_drivers()
    if not drivers or any(shutil.which(name) is None for name in ("systemctl", "unshare")):
        absent("systemd, unshare or an OpenCL driver is not installed here")
    try:
        machine = Booted(drivers[0], user=request.param)
    except CannotBoot as error:
        pytest.skip(f"systemd can't be booted in namespaces here: {error}")
    except LookupError as error:
        absent(str(error))
    try:
        yield machine
    finally:
        machine.close()


@pytest.fixture
def serving(booted: Booted) -> Booted:
    """The daemon runs, whatever a test before has done to it."""
    booted.systemctl("start", "aliquot.socket", "aliquot.service")
    return booted


def until(found: Callable[[], object], booted: Booted) -> None:
    deadline = time.monotonic() + _SECONDS
    while not found():
        assert time.monotonic() < deadline, booted.told()
        time.sleep(0.1)


def answers(booted: Booted) -> bool:
    """The command line has asked the daemon, and no device host by itself."""
    done = booted.run(*booted.aliquot("vgpus", "--json"))
    return done.returncode == 0 and "vgpus" in json.loads(done.stdout)


def computing(booted: Booted, program: Path, seconds: int) -> subprocess.Popen[str]:
    """A program on a vGPU of the daemon's that checks every result."""
    own = str(shutil.copy(program, booted.folder))  # pytest's folders are closed to other users
    process = booted.start(
        *booted.aliquot("run", "--quiet", "--memory", "64MiB", "--", own, str(seconds)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout
    first = process.stdout.readline()
    assert first == "working\n", (first, process.stdout.read(), booted.told())
    return process


def ended_well(process: subprocess.Popen[str]) -> None:
    told, _ = process.communicate(timeout=_SECONDS)
    assert process.returncode == 0, told


def test_who_asks_at_the_socket_starts_the_daemon(booted: Booted) -> None:
    booted.systemctl("stop", "aliquot.service")
    assert booted.show("ActiveState") == "inactive"
    assert booted.show("ActiveState", "aliquot.socket") == "active"
    until(lambda: answers(booted), booted)
    assert booted.show("ActiveState") == "active"
    assert booted.show("SubState") == "running"
    assert booted.main_process() != 0


def test_a_program_computes_in_a_worker_that_is_shut_in(
    serving: Booted, programs: dict[str, Path]
) -> None:
    program = computing(serving, programs["enduring"], 1)
    worker = serving.run("pgrep", "--full", "^aliquot-worker serve").stdout.strip()
    daemon = str(serving.main_process())
    for kind in ("mnt", "net", "pid", "ipc"):
        its, the_daemons = (namespace(serving, process, kind) for process in (worker, daemon))
        assert its != the_daemons
    status = serving.run("cat", f"/proc/{worker}/status").stdout
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
    assert not re.search(r"^Uid:\t0\b", status, re.MULTILINE)
    ended_well(program)


def namespace(booted: Booted, process: str, kind: str) -> str:
    """Which of that kind a process is in."""
    done = booted.run("readlink", f"/proc/{process}/ns/{kind}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_programs_live_on_while_the_daemon_is_stopped(
    serving: Booted, programs: dict[str, Path]
) -> None:
    program = computing(serving, programs["enduring"], 5)
    serving.systemctl("stop", "aliquot.service")
    assert serving.show("ActiveState") == "inactive"
    assert serving.show("Result") == "success"
    assert program.poll() is None
    until(lambda: answers(serving), serving)
    ended_well(program)


def test_a_daemon_that_is_killed_is_replaced(serving: Booted, programs: dict[str, Path]) -> None:
    program = computing(serving, programs["enduring"], 5)
    before = serving.main_process()
    serving.signal(before, signal.SIGKILL)
    until(lambda: serving.main_process() not in (0, before), serving)
    until(lambda: answers(serving), serving)
    assert serving.show("ActiveState") == "active"
    ended_well(program)


def test_a_daemon_that_hangs_is_replaced(serving: Booted) -> None:
    before = serving.main_process()
    # Twice the time in which it must say that it lives; it has said so by itself until now.
    time.sleep(2 * int(serving.show("WatchdogUSec").rstrip("s")))
    assert serving.main_process() == before
    serving.signal(before, signal.SIGSTOP)
    until(lambda: serving.main_process() not in (0, before), serving)
    until(lambda: answers(serving), serving)
