"""Many threads on one context, many guest processes on one vGPU: right results."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from aliquot import native_programs
from aliquot.model.shares import Shares
from tests.system.runtime import Runtime
from tools.programs.drivers import Driver

TRANSFERS = ("auto", "staged")

# Starts COUNT copies of a program at once; ends with the status of the first that fails.
_AT_ONCE = (
    'count=$1; shift; for i in $(seq "$count"); do "$@" & started+=($!); done; '
    'for one in "${started[@]}"; do wait "$one" || exit $?; done'
)


def at_once(count: int, *command: str | Path) -> list[str]:
    """A command that runs `count` copies of another at once."""
    return ["bash", "-c", _AT_ONCE, "at-once", str(count), *(str(word) for word in command)]


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_sixteen_threads_on_one_context(
    driver: Driver, transfer: str, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """Each thread with a queue of its own, and a buffer that all count up."""
    command = [str(programs["many_threads"]), "16", "20"]
    done = runtime.aliquot("run", "--quiet", "--transfer", transfer, "--", *command)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "16 threads, 20 rounds: right\n"


def test_thirty_two_guest_processes_on_one_vgpu(
    driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """All started at the same moment, two threads each."""
    command = at_once(32, programs["many_threads"], "2", "3")
    done = runtime.aliquot("run", "--quiet", "--memory", "512MiB", "--", *command)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["2 threads, 3 rounds: right"] * 32


def test_sixteen_busy_guest_processes_beside_another_vgpu(
    driver: Driver, runtime: Runtime, tmp_path: Path
) -> None:
    """They start together on a small vGPU, and their threads come late to many of its turns."""
    tenant = native_programs.find(native_programs.FAIRNESS_TENANT)
    options = "--kernel-us 500 --iterations 500 --seconds 4 --processes"
    with runtime.host() as host:
        vgpus = [
            host.create_vgpu(name, 64 << 20, shares=Shares(5000)) for name in ("one", "sixteen")
        ]
        running = [
            runtime.start(
                vgpu, ["sh", "-c", f"echo 1 | {tenant} {options} {count} --out {tmp_path / name}"]
            )
            for vgpu, name, count in zip(vgpus, ("one", "many"), (1, 16), strict=True)
        ]
        for process in running:
            stdout, stderr = process.communicate(timeout=240)
            assert (process.returncode, stdout, stderr) == (0, "ready\n", "")
        runtime.look(host)
    assert len(list(tmp_path.iterdir())) == 17


def test_many_vgpus_at_once(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """Eight vGPUs come and go on one device, each with the right result."""
    with runtime.host() as host:
        vgpus = [host.create_vgpu(f"many-{i}", 64 << 20) for i in range(8)]
        running = [runtime.start(vgpu, [programs["many_threads"], "2", "3"]) for vgpu in vgpus]
        for process in running:
            stdout, stderr = process.communicate(timeout=240)
            assert (process.returncode, stderr) == (0, "")
            assert stdout == "2 threads, 3 rounds: right\n"
        runtime.look(host)


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_every_command_leaves_what_it_leaves_natively(
    driver: Driver, transfer: str, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """Every kind of command, on queues of both kinds."""
    program = str(programs["every_command"])
    native = subprocess.run([program], capture_output=True, text=True, timeout=240)
    assert native.returncode == 0, native.stderr
    done = runtime.aliquot("run", "--quiet", "--transfer", transfer, "--", program)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == native.stdout
