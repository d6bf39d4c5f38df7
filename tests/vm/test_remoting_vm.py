"""A vGPU in a real guest VM: native results, quota, shares, and nothing left of a VM that dies.

QEMU emulates the processor here, so times are its own; what is computed is not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from aliquot import native_programs
from aliquot.client.rest import Client
from aliquot.model.lifecycle import VgpuState
from tests.system.daemon import Daemon
from tests.vm.remoting_vm import JOB, between, marked, run_in_vm, stream_of, until
from tools.programs import running
from tools.programs.case import Outcome
from tools.programs.cases.clinfo import Clinfo
from tools.programs.drivers import Driver, all_drivers
from tools.vm.packages import Programs

pytestmark = pytest.mark.vm
MIB = 1 << 20


def _is_at_rest(client: Client) -> bool:
    """No worker runs for the vGPU, and it holds nothing."""
    vgpu = client.vgpus.show("vm")
    gone = vgpu.worker_process_id == 0 and not client.leases.list().items
    return gone and (vgpu.state, vgpu.memory_used, vgpu.leases) == (VgpuState.READY, 0, 0)


def _natively(command: list[str], driver: Driver) -> str:
    done = subprocess.run(
        command, env=os.environ | driver.environment(), capture_output=True, text=True, check=True
    )
    return done.stdout


def test_results_are_native_and_the_quota_holds(daemon: Daemon, emulator: Programs) -> None:
    """clinfo, a pyopencl job, one that wants too much, and two at once."""
    driver = all_drivers()[0]
    job = [sys.executable, str(JOB)]
    clinfo = Clinfo()
    with daemon.client() as client:
        assert daemon.run("create", "vm", "--memory", "256MiB").returncode == 0
        with stream_of(daemon, "vm", "port") as qemu:
            outcome = run_in_vm(
                emulator,
                qemu,
                marked("clinfo", clinfo.command())
                + marked("job", [*job, "compute"])
                + marked("fill", [*job, "fill", str(MIB)])
                + "touch /tmp/held\n"
                + f"{sys.executable} {JOB} hold {200 * MIB} /tmp/held > /tmp/one &\n"
                + "until grep -q holds /tmp/one; do sleep 0.2; done\n"
                + marked("beside", [*job, "fill", str(MIB)])
                + "rm /tmp/held; wait %2\n"
                + marked("after", [*job, "fill", str(MIB)]),
            )
            print(outcome.said)
        assert outcome.status == 0
        native = running.run_natively(clinfo, driver)
        remoted = Outcome(0, between(outcome.said, "clinfo"), "", 0.0)
        assert not clinfo.differences(native, remoted)
        assert between(outcome.said, "job") == _natively([*job, "compute"], driver)
        assert between(outcome.said, "fill").startswith("refused after 256 ")
        assert between(outcome.said, "beside").startswith("refused after 56 ")
        assert between(outcome.said, "after").startswith("refused after 256 ")
        # The VM has gone: no lease, and some time later no worker and no memory.
        until(lambda: _is_at_rest(client), 60, "the worker or its memory stays")


def test_a_vm_that_is_killed_leaves_nothing(daemon: Daemon, emulator: Programs) -> None:
    """QEMU dies while a program holds all of the memory; another VM has it next."""
    assert daemon.run("create", "vm", "--memory", "64MiB").returncode == 0
    hold = f"touch /tmp/held\n{sys.executable} {JOB} hold {64 * MIB} /tmp/held\n"
    with daemon.client() as client:
        with stream_of(daemon, "vm", "port") as qemu:
            outcome = run_in_vm(emulator, qemu, hold, kill_when=lambda said: "holds" in said)
            assert outcome.status is None
            assert "holds" in outcome.said
        until(lambda: _is_at_rest(client), 60, "the worker or its memory stays")
        assert daemon.run("exec", "vm", "--", "true").returncode == 0


def test_two_vms_share_the_device(daemon: Daemon, emulator: Programs) -> None:
    """Two vGPUs, two guest VMs at once: results, memory, and each has the share it was promised."""
    job = [sys.executable, str(JOB)]
    for name, share in (("one", "75"), ("two", "25")):
        made = daemon.run("create", name, "--memory", "128MiB", "--compute", share)
        assert made.returncode == 0, made.stderr
    expected = _natively([*job, "compute"], all_drivers()[0])
    burns_since: dict[str, float] = {}
    enough = threading.Event()

    def in_vm(name: str) -> str:
        def has_burnt_enough(said: str) -> bool:
            if "burns" in said:
                burns_since.setdefault(name, time.monotonic())
            return enough.is_set()

        with stream_of(daemon, name, name) as qemu:
            commands = (
                marked("job", [*job, "compute"])
                + marked("fill", [*job, "fill", str(MIB)])
                + marked("burn", [*job, "burn", "240"])
            )
            return run_in_vm(emulator, qemu, commands, kill_when=has_burnt_enough).said

    def both_hold_their_shares() -> bool:
        both = len(burns_since) == 2
        return both and time.monotonic() - max(burns_since.values()) > 10 and _shares_hold(daemon)

    with ThreadPoolExecutor(2) as pool:
        told = [pool.submit(in_vm, name) for name in ("one", "two")]
        try:
            until(both_hold_their_shares, 300, "the shares aren't what was promised")
        finally:
            enough.set()
        for said in (future.result() for future in told):
            assert between(said, "job") == expected
            assert between(said, "fill").startswith("refused after 128 ")


def _shares_hold(daemon: Daemon) -> bool:
    """Three quarters and one of what both had together in the last ten seconds.

    The emulators want the processors as well: what the system withheld of them nobody is charged.
    """
    done = daemon.run("top", "--once", "--json")
    assert done.returncode == 0, done.stderr
    shares = {vgpu["name"]: vgpu["turns"]["share_10s"] for vgpu in json.loads(done.stdout)["vgpus"]}
    one, two = shares["one"], shares["two"]
    print(shares)
    return one + two > 30 and 0.70 < one / (one + two) < 0.80


# A device of the same kind and size that is somebody else's. Which of both are enabled at the end.
_STRANGER = (
    *("-object", "memory-backend-ram,id=stranger,share=on,size=64M"),
    *("-device", "ivshmem-plain,memdev=stranger,addr=0x10"),
)
_WHICH = """
for device in /sys/bus/pci/devices/*; do
  [ $(cat $device/device) != 0x1110 ] || cat $device/enable
done
cat /tmp/guest-end
"""


def test_bulk_data_goes_through_ivshmem(daemon: Daemon, emulator: Programs) -> None:
    """Native results with a plane, which is found beside a stranger's, and what it costs then."""
    assert daemon.run("create", "vm", "--memory", "512MiB").returncode == 0
    job = [sys.executable, str(JOB), "compute"]
    with stream_of(daemon, "vm", "port", "--plane", "64MiB") as qemu:
        plane = daemon.folder / "port.plane"
        assert plane.stat().st_size == 64 * MIB
        outcome = run_in_vm(
            emulator,
            [*_STRANGER, *(f"{word},addr=0x11" if "ivshmem" in word else word for word in qemu)],
            marked("job", job) + marked("bench", _bench()) + marked("which", ["sh", "-c", _WHICH]),
        )
        print(outcome.said)
    assert outcome.status == 0
    assert between(outcome.said, "job") == _natively(job, all_drivers()[0])
    _check_figures(between(outcome.said, "bench"))
    which = between(outcome.said, "which").splitlines()
    assert which[:2] == ["0", "1"]
    assert "aliquot-guest: bulk data goes through the plane" in which
    assert not plane.exists()


def test_what_round_trips_and_bytes_cost(daemon: Daemon, emulator: Programs) -> None:
    """Figures for docs/modes/remoting-vm.md. No bound: the emulator's speed is none of ours."""
    assert daemon.run("create", "vm", "--memory", "512MiB").returncode == 0
    with stream_of(daemon, "vm", "port") as qemu:
        outcome = run_in_vm(emulator, qemu, marked("bench", _bench()))
    assert outcome.status == 0
    _check_figures(between(outcome.said, "bench"))


def _bench() -> list[str]:
    program = native_programs.find(native_programs.BENCHMARK)
    return [program, "-t", "rtt,bw", "-s", "0.2", "-m", "64", "-L", "vm"]


def _check_figures(lines: str) -> None:
    print(lines)
    assert "ERR" not in lines
    assert lines.count("\n") > 4
