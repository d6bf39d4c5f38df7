"""What the service measured, and the receipts of its leases, on made-up device hosts."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from aliquot.errors import IllegalTransition, NoSuchVgpu
from aliquot.model.api.vgpus import LeaseWanted, VgpuWanted
from tests.contract.daemon.house import ADMIN, ALICE, BOB, GIB, ONE, House, house

Start = Callable[[], "subprocess.Popen[bytes]"]
SECOND = 1_000_000_000


def lease(home: House, process: Start, name: str = "a") -> str:
    return home.service.leases.begin(ADMIN, name, LeaseWanted(process_id=process().pid)).id


def create(home: House, name: str = "a", *, ephemeral: bool = False) -> int:
    wanted = VgpuWanted(name=name, memory=GIB, device=ONE, compute=25, ephemeral=ephemeral)
    return int(home.service.vgpus.create(ADMIN, wanted).id, 16)


def seconds_of(home: House, lease_id: str) -> float:
    """For how long a receipt says that programs were there."""
    (receipt,) = home.service.receipts.list(ADMIN, lease=lease_id).items
    return receipt.spending["received"]["covered_ns"] / SECOND


def test_each_lease_leaves_its_own_receipt(home: House, process: Start) -> None:
    vgpu = create(home)
    host = home.machine.by_uuid[ONE]
    for seconds in (4, 6):
        held = lease(home, process)
        host.spend(vgpu, seconds)
        home.clock.now += 10_000
        home.service.leases.end(ADMIN, held)
        assert seconds_of(home, held) == seconds
    newest = home.service.receipts.list(ADMIN, vgpu="a").items[0]
    assert (newest.vgpu_name, newest.spending["wall_ns"]) == ("a", 10 * SECOND)
    assert newest.promise["compute"] == 25.0


def test_what_overlaps_is_counted_from_its_beginning(home: House, process: Start) -> None:
    vgpu = create(home)
    host = home.machine.by_uuid[ONE]
    first = lease(home, process)
    host.spend(vgpu, 3)
    second = lease(home, process)
    host.spend(vgpu, 2)
    home.clock.now += 60_000
    for held in (first, second):
        home.service.leases.end(ADMIN, held)
    assert (seconds_of(home, first), seconds_of(home, second)) == (5, 2)


def test_a_holder_that_ended_unseen_leaves_a_receipt(home: House, process: Start) -> None:
    vgpu = create(home)
    host = home.machine.by_uuid[ONE]
    held = lease(home, process)
    host.spend(vgpu, 7)
    (usage,) = host.vgpus.values()
    host.vgpus[usage.id] = usage._replace(holders=())
    home.look()
    assert seconds_of(home, held) == 7


def test_an_ephemeral_vgpu_leaves_its_receipt_behind(home: House, process: Start) -> None:
    vgpu = create(home, ephemeral=True)
    held = lease(home, process)
    home.machine.by_uuid[ONE].spend(vgpu, 5)
    home.service.leases.end(ADMIN, held)
    assert home.machine.by_uuid[ONE].vgpus == {}
    assert seconds_of(home, held) == 5


def test_a_lost_device_host_costs_the_receipt_and_nothing_else(home: House, process: Start) -> None:
    create(home)
    held = lease(home, process)
    home.machine.by_uuid[ONE].die()
    home.service.leases.end(ADMIN, held)
    assert home.service.receipts.list(ADMIN).items == []
    assert home.service.leases.show(ADMIN, held).released_ms is not None


def test_a_restart_does_not_charge_twice(tmp_path: Path, process: Start) -> None:
    with house(tmp_path) as first:
        vgpu = create(first)
        held = lease(first, process)
        first.machine.by_uuid[ONE].spend(vgpu, 4)
        first.service.leases.end(ADMIN, held)
        later = lease(first, process)
        machine = first.machine
    with house(tmp_path, machine) as second:
        second.look()
        machine.by_uuid[ONE].spend(vgpu, 3)
        second.service.leases.end(ADMIN, later)
        assert seconds_of(second, later) == 3


def test_the_service_measures_leased_vgpus(home: House, process: Start) -> None:
    vgpu = create(home)
    create(home, "idle")
    lease(home, process)
    host = home.machine.by_uuid[ONE]
    for _ in range(3):
        host.spend(vgpu, 1)
        home.service.observer.look(whole=True)
        home.clock.now += 1000
        home.service.sampler.beat()
    measured = home.service.vgpus.series(ADMIN, "a", step_seconds=1, since_ms=0)
    assert [point.values["consumed"][0] for point in measured.points] == [50.0, 50.0]
    assert measured.points[0].values["waiting"] == (25.0, 25.0, 25.0)
    assert measured.points[0].values["granted"] == (25.0, 25.0, 25.0)
    assert home.service.vgpus.show(ADMIN, "a").measured["consumed"] == 50.0
    assert home.service.vgpus.show(ADMIN, "idle").measured == {}
    home.service.sampler.write()
    assert home.service.vgpus.series(ADMIN, "a", step_seconds=1, since_ms=0) == measured
    assert home.service.vgpus.series(ADMIN, "idle", step_seconds=1, since_ms=0).points == []
    # Of a GPU nobody tells how busy it is: others than vGPUs may use it.
    assert home.service.devices.series(BOB, ONE, step_seconds=1, since_ms=0).points == []
    text = home.service.metrics.text(ADMIN).decode()
    assert 'aliquot_vgpu_consumed_seconds_total{device="' + ONE in text
    assert 'name="idle"' in text
    assert 'name="idle"' not in home.service.metrics.text(BOB).decode()


def test_others_series_are_not_there(home: House) -> None:
    create(home)
    for caller in (ALICE, BOB):
        with pytest.raises(NoSuchVgpu):
            home.service.vgpus.series(caller, "root:a", step_seconds=1)


def test_turns_are_told_and_of_others_not_whose_they_are(home: House, process: Start) -> None:
    vgpu = create(home)
    assert home.service.devices.turns(ADMIN, "1").turns == []  # no device host runs there
    lease(home, process)
    home.machine.by_uuid[ONE].spend(vgpu, 3)
    home.service.observer.look(whole=True)
    home.service.sampler.beat()
    told = home.service.devices.turns(ADMIN, ONE)
    assert [turn.vgpu for turn in told.turns] == [f"{vgpu:032x}"] * 3
    assert (told.turns[1].began_ns, told.turns[1].charged_ns) == (SECOND, SECOND // 2)
    assert len(home.service.devices.turns(ADMIN, ONE, told.turns[0].ended_ns).turns) == 2
    assert [turn.vgpu for turn in home.service.devices.turns(BOB, ONE).turns] == [""] * 3


def test_who_uses_a_vgpu_is_told_what_it_has_had_up_to_now(home: House, process: Start) -> None:
    number = create(home)
    receipts = home.service.receipts
    waiting = VgpuWanted(name="waits", memory=8 * GIB, device=ONE, wait_ms=10**6)
    home.service.vgpus.create(ALICE, waiting)
    with pytest.raises(IllegalTransition, match="no device host tells of vGPU 'waits' now"):
        receipts.now(ALICE, "waits")
    lease(home, process)
    home.machine.by_uuid[ONE].spend(number, 3)
    told = receipts.now(ADMIN, "a")
    assert (told.vgpu_name, told.received["covered_ns"]) == ("a", 3_000_000_000)
    assert told.promise["memory"] == GIB
    with pytest.raises(NoSuchVgpu):
        receipts.now(BOB, "root:a")


def test_a_vgpu_that_is_gone_is_not_told_what_one_of_its_number_has_had(
    home: House, process: Start
) -> None:
    gone = home.service.vgpus.create(ALICE, VgpuWanted(name="gone", memory=GIB, device=ONE)).id
    home.service.vgpus.delete(ALICE, gone)
    home.machine.by_uuid[ONE].die()  # the next one begins to count anew
    number = create(home)
    lease(home, process)
    home.machine.by_uuid[ONE].spend(number, 3)
    with pytest.raises(IllegalTransition, match="no device host tells of vGPU 'gone' now"):
        home.service.receipts.now(ALICE, gone)
