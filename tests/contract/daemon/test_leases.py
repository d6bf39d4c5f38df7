"""Who may hold a lease, and whether it is enforced or advisory."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from aliquot.daemon import enforcement, holders, processes
from aliquot.daemon.caller import Caller
from aliquot.daemon.holders import Holders
from aliquot.errors import (
    DeviceHostUnreachable,
    IllegalTransition,
    NoSuchEntry,
    NoSuchProcess,
    NotPermitted,
    NotYourProcess,
    StoreFull,
)
from aliquot.model.access_token import Role
from aliquot.model.api.vgpus import LeaseWanted, VgpuWanted
from aliquot.model.device_record import DeviceRecord
from aliquot.store import leases
from tests.contract.daemon.house import ADMIN, GIB, NODE, ONE, VIEWER, House
from tests.contract.device_host_process import wait_until

Start = Callable[[], "subprocess.Popen[bytes]"]
STRANGER = 54321
ALICE = Caller(tenant="alice", role=Role.USER, user_id=os.geteuid())
BOB = Caller(tenant="bob", role=Role.USER, user_id=STRANGER)


def gpu(kind: str = "gpu", address: str = "0000:41:00.0", vendor: str = "AMD") -> DeviceRecord:
    facts = {"kind": kind, "pci": {"address": address}, "vendor": vendor}
    return DeviceRecord(uuid=ONE, node=NODE, name="GPU", memory=GIB, facts=facts)


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A /dev of ours, in which a file stands in for the render node of the GPU."""
    (tmp_path / "dri" / "by-path").mkdir(parents=True)
    node = tmp_path / "dri" / "renderD128"
    node.touch()
    (tmp_path / "dri" / "by-path" / "pci-0000:41:00.0-render").symlink_to(node)
    found = enforcement.device_nodes
    monkeypatch.setattr(enforcement, "device_nodes", lambda device: found(device, str(tmp_path)))
    return node


@pytest.mark.parametrize(
    ("mode", "owner", "group", "user", "groups", "enforced"),
    [
        (0o660, 0, 44, 1000, (1000,), True),
        (0o660, 0, 44, 1000, (1000, 44), False),
        (0o640, 0, 44, 1000, (44,), False),
        (0o600, 0, 44, 1000, (44,), True),
        (0o666, 0, 44, 1000, (), False),
        (0o602, 0, 44, 1000, (), False),
        (0o600, 1000, 44, 1000, (), False),
        (0o066, 1000, 44, 1000, (), True),
        (0o000, 0, 0, 0, (), False),
    ],
)
def test_who_can_open_the_device_node_has_an_advisory_lease(
    nodes: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: int,
    owner: int,
    group: int,
    user: int,
    groups: tuple[int, ...],
    enforced: bool,
) -> None:
    real = nodes.stat()
    told = os.stat_result((0o100000 | mode, *real[1:4], owner, group, *real[6:]))
    monkeypatch.setattr(enforcement.os, "stat", lambda _: told)
    assert enforcement.enforced(gpu(), user, groups) is enforced


@pytest.mark.needs_root
def test_the_permissions_of_a_real_file_count(nodes: Path) -> None:
    os.chown(nodes, 0, 44)
    nodes.chmod(0o660)
    assert enforcement.enforced(gpu(), 1000, (1000,))
    assert not enforcement.enforced(gpu(), 1000, (44,))
    nodes.chmod(0o666)
    assert not enforcement.enforced(gpu(), 1000, ())


def test_where_nothing_is_known_or_every_process_can_compute_it_is_advisory(nodes: Path) -> None:
    nodes.chmod(0o600)
    assert not enforcement.enforced(gpu("software"), STRANGER, ())
    assert not enforcement.enforced(gpu(address="0000:99:00.0"), STRANGER, ())
    simulated = DeviceRecord(uuid=ONE, node=NODE, name="GPU", memory=GIB, simulated=True)
    assert not enforcement.enforced(simulated, STRANGER, ())


def test_a_lease_says_what_it_is(
    home: House, process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.service.vgpus.create(ALICE, VgpuWanted(name="a", memory=GIB))
    asked: list[tuple[str, int]] = []

    def enforced(device: DeviceRecord, user_id: int, groups: frozenset[int]) -> bool:
        asked.append((device.uuid, user_id))
        return True

    monkeypatch.setattr("aliquot.daemon.leases.enforced", enforced)
    granted = home.service.leases.begin(ALICE, "a", LeaseWanted(process_id=process().pid))
    assert granted.enforced
    assert asked == [(ONE, os.geteuid())]
    assert home.service.leases.show(ALICE, granted.id).enforced


def test_only_ones_own_process_holds_a_lease(home: House, process: Start) -> None:
    begin = home.service.leases.begin
    home.service.vgpus.create(BOB, VgpuWanted(name="a", memory=GIB))
    asked = LeaseWanted(process_id=process().pid)
    with pytest.raises(NotYourProcess):
        begin(BOB, "a", asked)
    with pytest.raises(NoSuchProcess):
        begin(BOB, "a", LeaseWanted(process_id=1 << 22))
    with pytest.raises(NotPermitted):
        begin(VIEWER, "a", asked)
    granted = begin(ADMIN, "bob:a", asked)
    with pytest.raises(NoSuchEntry):
        home.service.leases.show(ALICE, granted.id)
    with pytest.raises(NoSuchEntry):
        home.service.leases.end(ALICE, granted.id)
    assert home.service.leases.list(ALICE).items == []
    assert home.service.leases.list(ALICE, tenant="bob").items == []
    assert [lease.id for lease in home.service.leases.list(BOB).items] == [granted.id]


def test_a_lease_ends_once(home: House, process: Start) -> None:
    home.service.vgpus.create(ALICE, VgpuWanted(name="a", memory=GIB))
    granted = home.service.leases.begin(ALICE, "a", LeaseWanted(process_id=process().pid))
    first = home.service.leases.end(ALICE, granted.id)
    assert first.ending == "ended by alice"
    home.clock.now += 1000
    assert home.service.leases.end(ADMIN, granted.id) == first
    [usage] = home.machine.usages()
    assert usage.holders == ()


def test_a_lease_that_cannot_be_written_down_is_not_held(
    home: House, process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.service.vgpus.create(ALICE, VgpuWanted(name="a", memory=GIB))

    def full(*_: object, **__: object) -> None:
        raise StoreFull("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(leases, "begin", full)
        with pytest.raises(StoreFull):
            home.service.leases.begin(ALICE, "a", LeaseWanted(process_id=process().pid))
    [usage] = home.machine.usages()
    assert usage.holders == ()


def test_a_vgpu_that_waits_is_not_leased(home: House, process: Start) -> None:
    home.service.vgpus.create(ALICE, VgpuWanted(name="b", memory=8 * GIB, device=ONE))
    home.service.vgpus.create(ALICE, VgpuWanted(name="a", memory=GIB, device=ONE, wait_ms=9999))
    with pytest.raises(IllegalTransition, match="pending"):
        home.service.leases.begin(ALICE, "a", LeaseWanted(process_id=process().pid))


def test_the_same_number_at_a_later_device_host_is_not_ended(home: House, process: Start) -> None:
    home.service.vgpus.create(ALICE, VgpuWanted(name="a", memory=GIB))
    granted = home.service.leases.begin(ALICE, "a", LeaseWanted(process_id=process().pid))
    host = home.machine.by_uuid[ONE]
    [usage] = home.machine.usages()
    [held] = usage.holders
    other = held._replace(process_id=process().pid)
    host.vgpus[usage.id] = usage._replace(holders=(other,))
    assert home.service.leases.end(ALICE, granted.id).ending == "ended by alice"
    [usage] = home.machine.usages()
    assert usage.holders == (other,)


def test_the_same_number_at_a_later_device_host_is_no_lease_that_is_held(
    home: House, process: Start
) -> None:
    home.service.vgpus.create(ALICE, VgpuWanted(name="a", memory=GIB))
    asked = LeaseWanted(process_id=process().pid)
    first = home.service.leases.begin(ALICE, "a", asked)
    assert home.service.leases.begin(ALICE, "a", asked).id == first.id
    host = home.machine.by_uuid[ONE]
    [usage] = home.machine.usages()
    [held] = usage.holders
    other = held._replace(process_id=process().pid)
    host.vgpus[usage.id] = usage._replace(holders=(other,))
    assert home.service.leases.begin(ALICE, "a", asked).id != first.id
    [usage] = home.machine.usages()
    assert [holder.process_id for holder in usage.holders] == [other.process_id, asked.process_id]


def test_the_same_number_at_a_later_device_host_ends_a_lease_with_its_receipt(
    home: House, process: Start
) -> None:
    home.service.vgpus.create(ALICE, VgpuWanted(name="a", memory=GIB))
    granted = home.service.leases.begin(ALICE, "a", LeaseWanted(process_id=process().pid))
    host = home.machine.by_uuid[ONE]
    [usage] = home.machine.usages()
    [held] = usage.holders
    host.spend(usage.external_id, seconds=2)
    usage = host.vgpus[usage.id]
    other = held._replace(process_id=process().pid)
    host.vgpus[usage.id] = usage._replace(holders=(other,))
    home.look()
    assert home.service.leases.show(ALICE, granted.id).ending == "its holder ended"
    [receipt] = home.service.receipts.list(ALICE, lease=granted.id).items
    assert receipt.vgpu_name == "a"
    [now] = home.service.leases.list(ALICE).items
    assert now.process_id == other.process_id
    holders = home.service.leases.holders
    assert holders is not None
    assert holders.leases() == {now.id}


def test_what_is_being_deleted_is_not_leased(home: House, process: Start) -> None:
    home.service.vgpus.create(ALICE, VgpuWanted(name="a", memory=GIB, device=ONE))
    host = home.machine.by_uuid[ONE]
    host.fail["destroy_lasting_vgpu"] = DeviceHostUnreachable("it did not answer")
    home.service.vgpus.delete(ALICE, "a")
    with pytest.raises(IllegalTransition, match="deleted"):
        home.service.leases.begin(ALICE, "a", LeaseWanted(process_id=process().pid))
    host.fail.clear()
    home.settle()


def test_processes_are_known_by_their_start(process: Start) -> None:
    child = process()
    found = processes.look_up(child.pid)
    assert found is not None
    assert (found.id, found.user_id, found.name) == (child.pid, os.geteuid(), "sleep")
    assert os.getegid() in found.groups
    child.kill()
    child.wait()
    assert processes.look_up(child.pid) is None


def test_the_end_of_a_process_is_told_once(process: Start) -> None:
    import threading

    told: list[str] = []
    watching = holders.Holders(told.append)
    thread = threading.Thread(target=watching.run)
    thread.start()
    try:
        child, other = process(), process()
        started = processes.look_up(child.pid)
        assert started is not None
        for _ in range(2):
            watching.watch("one", child.pid, started.started)
        watching.watch("other", other.pid, 0)
        watching.watch("forgotten", other.pid, 0)
        watching.forget("forgotten")
        watching.watch("another's number", child.pid, started.started + 1)
        wait_until(lambda: told == ["another's number"], "what isn't the process has ended")
        child.kill()
        wait_until(lambda: len(told) == 2, "the end is told")
        assert told[1] == "one"
    finally:
        watching.stop()
        thread.join()
        watching.close()
    assert isinstance(watching, Holders)


def test_what_is_closed_is_closed_once(process: Start) -> None:
    watching = Holders(lambda _: None)
    watching.watch("one", process().pid, 0)
    for _ in range(2):
        watching.stop()
    for _ in range(2):
        watching.close()
        watching.stop()
    watching.watch("other", process().pid, 0)
    assert watching.leases() == set()
