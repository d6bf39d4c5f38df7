"""One device host hangs: whoever has to do with it is told, and all others are served as ever."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from aliquot.client.connection import Silent
from aliquot.client.device_host import running_hosts
from aliquot.daemon import hosts, reconciler
from aliquot.daemon.service import Service
from aliquot.errors import AliquotError, DeviceHostUnreachable
from aliquot.model.api.vgpus import LeaseWanted, VgpuChange, VgpuWanted
from aliquot.model.lifecycle import VgpuState, Wanted
from aliquot.store import Location, lifecycle, vgpus
from tests.absent import absent
from tests.contract.daemon.house import ADMIN, GIB, MIB, ONE, TWO, House
from tests.contract.device_host_process import wait_until
from tests.fakes.device_hosts import FakeMachine, device
from tests.folders import make_short_folder, remove_folder
from tools.programs.drivers import all_drivers

Start = Callable[[], "subprocess.Popen[bytes]"]
MANY = 20


@pytest.fixture
def busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A daemon whose threads run, on two devices; it loses its patience soon."""
    monkeypatch.setattr(reconciler, "RESYNC_SECONDS", 0.5)
    monkeypatch.setattr(hosts, "_SILENCE_SECONDS", 0.2)
    home = House(tmp_path, FakeMachine(device(ONE, 64 * GIB), device(TWO, 64 * GIB)))
    home.service._start()
    yield home
    home.service.close()


def want_deleted(home: House, name: str) -> None:
    """Past the service: it is the reconciler that does it."""
    with home.store.change("root") as change:
        kept = vgpus.found(change, name, ADMIN.tenant)
        assert kept is not None
        lifecycle.want(change, kept.id, lifecycle.with_wanted(kept.spec, wanted=Wanted.DELETED))


def test_others_are_observed_and_served_meanwhile(busy: House, process: Start) -> None:
    service = busy.service
    for number in range(MANY):
        for uuid in (ONE, TWO):
            name = f"{'hangs' if uuid == ONE else 'goes-on'}-{number}"
            service.vgpus.create(ADMIN, VgpuWanted(name=name, memory=GIB, device=uuid))
    held = {}
    for name in ("hangs-0", "hangs-1", "goes-on-0"):
        held[name] = process()
        service.leases.begin(ADMIN, name, LeaseWanted(process_id=held[name].pid))
    hanging = busy.machine.by_uuid[ONE]
    hanging.answers.clear()
    try:
        for number in range(5, MANY):  # as many as would take all hands
            want_deleted(busy, f"hangs-{number}")
        for name in ("hangs-0", "hangs-1"):
            held[name].kill()
        for number in range(5, MANY):
            want_deleted(busy, f"goes-on-{number}")
        held["goes-on-0"].kill()
        busy.machine.by_uuid[TWO].use(int(service.vgpus.show(ADMIN, "goes-on-1").id, 16), 12345)
        wait_until(lambda: len(service.vgpus.list(ADMIN, device=TWO).items) == 5, "they are gone")
        wait_until(
            lambda: service.vgpus.show(ADMIN, "goes-on-0").state is VgpuState.READY,
            "the end of its holder is heard",
        )
        wait_until(
            lambda: service.vgpus.show(ADMIN, "goes-on-1").memory_used == 12345, "it is observed"
        )
        assert len(service.vgpus.list(ADMIN, device=ONE).items) == MANY
        # Who asks for it is told: nobody waits for as long as it hangs.
        wait_until(lambda: service.core.hosts._links[ONE].is_silent, "it is known to hang")
        told = service.vgpus.change(ADMIN, "hangs-2", VgpuChange(memory=2 * GIB))
        assert (told.settled, told.reason_code) == (False, DeviceHostUnreachable.code)
        with pytest.raises(DeviceHostUnreachable):
            service.leases.begin(ADMIN, "hangs-3", LeaseWanted(process_id=os.getpid()))
    finally:
        hanging.answers.set()
    wait_until(lambda: len(service.vgpus.list(ADMIN, device=ONE).items) == 5, "it goes on")
    wait_until(lambda: not service.leases.list(ADMIN).items, "all leases have ended")
    wait_until(lambda: not busy.problems(), "all agrees")
    assert service.vgpus.show(ADMIN, "hangs-2").memory == 2 * GIB


def test_one_question_at_a_time_finds_out_whether_it_answers_again(busy: House) -> None:
    busy.service.vgpus.create(ADMIN, VgpuWanted(name="a", memory=GIB, device=ONE))
    hanging = busy.machine.by_uuid[ONE]
    hanging.answers.clear()
    told: list[AliquotError] = []

    def ask() -> None:
        try:
            busy.core.hosts.ask(ONE, lambda host: host.list_vgpus())
        except AliquotError as error:
            told.append(error)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    try:
        # The observer may be the one who asks.
        wait_until(lambda: len(told) >= 19, "all but one are told")
        assert all(isinstance(error, Silent) for error in told)
    finally:
        hanging.answers.set()
        for thread in threads:
            thread.join()
    wait_until(lambda: not busy.core.hosts._links[ONE].is_silent, "it answers again")
    assert len(busy.core.hosts.ask(ONE, lambda host: host.list_vgpus())) == 1


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where real device hosts are; nothing is left running at the end."""
    if len(all_drivers()) < 2:
        absent("two OpenCL drivers are wanted here")
    found = make_short_folder()
    monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", str(found / "run"))
    yield found
    for host in running_hosts():
        with host:
            for usage in host.list_vgpus():
                host.destroy_vgpu(usage.id)
    wait_until(lambda: not list((found / "run").glob("*/control.sock")), "all has ended")
    remove_folder(found)


def process_of(uuid: str) -> int:
    """The device host's."""
    for host in running_hosts():
        with host:
            if host.welcome.device_uuid == uuid:
                return host.welcome.process_id
    raise AssertionError(uuid)


def test_a_device_host_that_is_stopped(folder: Path, process: Start) -> None:
    """A daemon that begins beside one: it serves the other device, and ends when it is told to."""
    place = Location(str(folder / "state"))
    with Service.open(place, "here") as service:
        for number in range(2):
            wanted = VgpuWanted(name=f"on-{number}", memory=64 * MIB, device=str(number))
            service.vgpus.create(ADMIN, wanted)
        stopped = process_of(service.vgpus.show(ADMIN, "on-0").device or "")
    os.kill(stopped, signal.SIGSTOP)
    try:
        with Service.open(place, "here") as service:
            holder = process()
            service.leases.begin(ADMIN, "on-1", LeaseWanted(process_id=holder.pid))
            holder.kill()
            wait_until(lambda: not service.leases.list(ADMIN).items, "the lease is released")
            with pytest.raises(DeviceHostUnreachable):
                service.leases.begin(ADMIN, "on-0", LeaseWanted(process_id=process().pid))
            assert service.vgpus.show(ADMIN, "on-0").state is VgpuState.READY
            assert any(what.startswith("device host ") for what in service.core.problems)
        os.kill(stopped, signal.SIGCONT)
        with Service.open(place, "here") as service:
            service.leases.begin(ADMIN, "on-0", LeaseWanted(process_id=process().pid))
    finally:
        with suppress(ProcessLookupError):
            os.kill(stopped, signal.SIGCONT)
