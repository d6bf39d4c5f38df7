"""What device hosts tell, what they lost, and what the state doesn't know."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from aliquot.daemon.endings import Endings
from aliquot.errors import DeviceHostUnreachable, IllegalTransition
from aliquot.model.api.vgpus import LeaseWanted, VgpuChange, VgpuWanted
from aliquot.model.lifecycle import VgpuState
from aliquot.model.shares import Shares
from aliquot.model.vgpu import Holder
from aliquot.store import events, leases
from tests.contract.daemon.house import ADMIN, GIB, ONE, TWO, House, house

Start = Callable[[], "subprocess.Popen[bytes]"]
SELF = pwd.getpwuid(os.geteuid()).pw_name


def create(home: House, name: str = "a", device: str = ONE) -> int:
    made = home.service.vgpus.create(ADMIN, VgpuWanted(name=name, memory=GIB, device=device))
    return int(made.id, 16)


def kinds(home: House) -> list[str]:
    with home.store.look() as view:
        return [event.kind for event in events.since(view, 0)]


def test_nothing_is_written_where_nothing_has_changed(home: House, process: Start) -> None:
    number = create(home)
    home.service.leases.begin(ADMIN, "a", LeaseWanted(process_id=process().pid))
    home.look()
    before = kinds(home)
    home.machine.by_uuid[ONE].use(number, 12345)
    statements: list[str] = []
    from sqlalchemy import event

    event.listen(
        home.store.engine,
        "before_cursor_execute",
        lambda *told: statements.append(told[2]),
    )
    for last in home.service.observer._last.values():
        last.at = float("-inf")
    home.service.observer.look()
    assert statements == []
    assert kinds(home) == before
    assert home.service.vgpus.show(ADMIN, "a").memory_used == 12345


def test_idle_device_hosts_are_asked_seldom(home: House) -> None:
    create(home)
    home.service.observer.look()
    asked = home.machine.by_uuid[ONE].asked
    before = len(asked)
    home.service.observer.look()
    assert len(asked) == before


def test_the_device_host_is_the_truth_of_leases(home: House, process: Start) -> None:
    create(home)
    host = home.machine.by_uuid[ONE]
    granted = home.service.leases.begin(ADMIN, "a", LeaseWanted(process_id=process().pid))
    [usage] = host.vgpus.values()
    other = process().pid
    host.vgpus[usage.id] = usage._replace(holders=(Holder(7, other, True, 0),))
    home.look()
    [lease] = home.service.leases.list(ADMIN).items
    assert (lease.process_id, lease.holder, lease.enforced) == (other, "sleep", False)
    ended = home.service.leases.show(ADMIN, granted.id)
    assert (ended.released_ms, ended.ending) == (home.clock.now, "its holder ended")
    host.vgpus[usage.id] = usage._replace(holders=())
    home.look()
    assert home.service.vgpus.show(ADMIN, "a").state is VgpuState.READY


def test_what_a_device_host_lost_is_made_again(home: House, process: Start) -> None:
    create(home)
    home.service.leases.begin(ADMIN, "a", LeaseWanted(process_id=process().pid))
    home.machine.by_uuid[ONE].die()
    home.look()
    now = home.service.vgpus.show(ADMIN, "a")
    assert (now.state, now.leases, now.settled) == (VgpuState.READY, 0, True)
    [lease] = home.service.leases.list(ADMIN, ended=True).items
    assert lease.ending == "its device host was lost"
    assert len(home.machine.usages()) == 1


def test_what_cannot_be_made_again_has_failed_until_it_can(home: House) -> None:
    create(home)
    host = home.machine.by_uuid[ONE]
    host.die()
    host.fail["start"] = DeviceHostUnreachable("it did not start")
    home.look()
    failed = home.service.vgpus.show(ADMIN, "a")
    assert (failed.state, failed.reason) == (VgpuState.FAILED, "it did not start")
    with pytest.raises(IllegalTransition, match="it did not start"):
        home.service.leases.begin(ADMIN, "a", LeaseWanted(process_id=os.getpid()))
    host.fail.clear()
    home.settle()
    now = home.service.vgpus.show(ADMIN, "a")
    assert (now.state, now.reason) == (VgpuState.READY, "")


def test_a_size_that_was_changed_past_the_daemon_is_set_right(home: House) -> None:
    create(home)
    host = home.machine.by_uuid[ONE]
    [usage] = host.vgpus.values()
    host.resize_vgpu(usage.id, Shares(weight=9), memory=2 * GIB)
    home.look()
    [usage] = host.vgpus.values()
    assert (usage.memory_limit, usage.turns.shares.weight) == (GIB, 1)


def test_a_run_without_the_daemon_is_adopted_until_it_ends(home: House) -> None:
    host = home.machine.by_uuid[ONE]
    host.running = True
    made = host.create_vgpu("app-1", 2 * GIB, shares=Shares(1000))
    host.vgpus[made.id] = host.vgpus[made.id]._replace(owner_uid=os.geteuid())
    home.look()
    [vgpu] = home.service.vgpus.list(ADMIN).items
    assert (vgpu.name, vgpu.tenant, vgpu.ephemeral) == ("app-1", SELF, True)
    assert (vgpu.state, vgpu.memory, vgpu.device) == (VgpuState.LEASED, 2 * GIB, ONE)
    assert home.service.devices.show(ADMIN, ONE).reserved_memory == 2 * GIB
    home.service.vgpus.change(ADMIN, vgpu.id, VgpuChange(memory=GIB))
    assert host.vgpus[made.id].memory_limit == GIB
    host.resize_vgpu(made.id, Shares(2000), memory=3 * GIB)  # by its owner
    home.look()
    now = home.service.vgpus.show(ADMIN, vgpu.id)
    assert (now.memory, now.compute, now.settled) == (3 * GIB, 20.0, True)
    host.vgpus.clear()
    home.look()
    assert home.service.vgpus.show(ADMIN, vgpu.id).state is VgpuState.DELETED


def test_the_place_of_one_that_is_gone_is_waited_for(home: House) -> None:
    host = home.machine.by_uuid[ONE]
    host.running = True
    host.create_vgpu("app-1", GIB)
    home.look()
    living = Endings(home.core)
    assert living.awaited()  # its command may have ended just now
    assert not living.awaited()
    host.vgpus.clear()
    gone = Endings(home.core)
    assert gone.awaited()
    assert gone.awaited()
    home.look()
    assert not gone.awaited()


def test_an_adopted_one_can_be_deleted(home: House) -> None:
    host = home.machine.by_uuid[ONE]
    host.running = True
    host.create_vgpu("app-1", GIB)
    home.look()
    [vgpu] = home.service.vgpus.list(ADMIN).items
    assert home.service.vgpus.delete(ADMIN, vgpu.id).state is VgpuState.DELETED
    assert home.machine.usages() == []


def test_the_same_number_may_be_another_run(home: House) -> None:
    host = home.machine.by_uuid[ONE]
    host.running = True
    host.create_vgpu("app-1", GIB)
    home.look()
    host.die()
    host.running = True
    host.create_vgpu("app-2", GIB)
    home.look()
    home.look()
    assert [vgpu.name for vgpu in home.service.vgpus.list(ADMIN).items] == ["app-2"]


def test_names_that_are_no_names_here_are_adopted_all_the_same(home: House) -> None:
    host = home.machine.by_uuid[ONE]
    host.running = True
    for name in ("-odd name", "app"):
        made = host.create_vgpu(name, GIB)
        host.vgpus[made.id] = host.vgpus[made.id]._replace(owner_uid=os.geteuid())
    home.service.vgpus.create(ADMIN, VgpuWanted(name="app", memory=GIB, device=TWO, tenant=SELF))
    home.look()
    home.look()
    names = sorted(vgpu.name for vgpu in home.service.vgpus.list(ADMIN).items)
    assert names == ["app", "app.2", "odd-name"]


def test_what_the_state_has_deleted_is_destroyed(home: House) -> None:
    number = create(home)
    home.service.vgpus.delete(ADMIN, "a")
    home.machine.by_uuid[ONE].create_vgpu("a", GIB, external_id=number)
    home.look()
    assert home.machine.usages() == []


def test_what_a_restored_state_has_forgotten_is_adopted(home: House) -> None:
    host = home.machine.by_uuid[ONE]
    host.running = True
    host.create_vgpu("lost", GIB, external_id=0xABC)
    home.look()
    [vgpu] = home.service.vgpus.list(ADMIN).items
    assert (vgpu.name, int(vgpu.id, 16), vgpu.ephemeral) == ("lost", 0xABC, False)
    assert "vgpu.adopted" in kinds(home)
    home.look()
    assert len(home.service.vgpus.list(ADMIN).items) == 1


def test_another_daemon_goes_on_where_this_one_ended(tmp_path: Path, process: Start) -> None:
    with house(tmp_path) as first:
        create(first)
        granted = first.service.leases.begin(ADMIN, "a", LeaseWanted(process_id=process().pid))
        machine = first.machine
    machine.by_uuid[TWO].running = True
    machine.by_uuid[TWO].create_vgpu("run", GIB)
    with house(tmp_path, machine) as second:
        second.look()
        names = {vgpu.name: vgpu.state for vgpu in second.service.vgpus.list(ADMIN).items}
        assert names == {"a": VgpuState.LEASED, "run": VgpuState.LEASED}
        assert granted.id in [lease.id for lease in second.service.leases.list(ADMIN).items]
        assert second.problems() == []


def test_a_lost_device_fails_its_vgpus_until_it_returns(home: House, process: Start) -> None:
    create(home)
    home.service.leases.begin(ADMIN, "a", LeaseWanted(process_id=process().pid))
    listed = list(home.machine.opencl.devices)
    home.machine.opencl.devices = listed[1:]
    home.service.finder.look()
    lost = home.service.vgpus.show(ADMIN, "a")
    assert (lost.state, lost.reason_code) == (VgpuState.FAILED, "ALQ-E327")
    assert not home.service.devices.show(ADMIN, ONE).present
    home.settle()
    assert home.service.vgpus.show(ADMIN, "a").state is VgpuState.FAILED
    home.machine.opencl.devices = listed
    home.service.finder.look()
    assert home.service.vgpus.show(ADMIN, "a").state is VgpuState.LEASED
    with home.store.look() as view:
        assert len(leases.listed(view)) == 1
