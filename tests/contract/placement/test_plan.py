"""Dry runs: where something would go and why, or which one thing would make it fit."""

from __future__ import annotations

import pytest

from aliquot import errors
from aliquot.daemon.caller import Caller
from aliquot.daemon.place import find, plan
from aliquot.daemon.views import ALL_MEMORY, demand
from aliquot.model.api.vgpus import Plan
from aliquot.model.device_record import DeviceRecord
from aliquot.model.vgpu_record import VgpuSpec
from aliquot.placement.waiting import PATIENCE_MS
from aliquot.store import devices
from tests.contract.placement.house import ADMIN, ALICE, BOB, House, wanted
from tests.contract.store.places import DEVICE, GIB, NODE, OTHER


def planned(house: House, spec: VgpuSpec, caller: Caller = ALICE) -> Plan:
    with house.store.look() as view:
        return plan(view, demand(spec, caller.tenant), caller, NODE)


def test_it_tells_where_and_why(house: House) -> None:
    house.create("a", wanted(4, device=OTHER))
    told = planned(house, wanted(8, guarantee=25))
    assert (told.fits, told.device, told.changes) == (True, OTHER, [])
    assert told.why == (
        f"it goes to GPU ({OTHER}): 8 GiB of memory fit, and a guarantee of 25 %; it would be 75 % "
        "full, the fullest that fits"
    )
    assert [(one.device, one.fits, one.score) for one in told.candidates] == [
        (DEVICE, True, 0.5),
        (OTHER, True, 0.75),
    ]


def test_it_tells_what_would_mend_it_and_that_does(house: House) -> None:
    house.create("a", wanted(12, guarantee=80, device=DEVICE))
    house.create("b", wanted(10, device=OTHER))
    told = planned(house, wanted(8, device=OTHER))
    assert not told.fits
    assert told.queue_position == 1
    assert told.changes == [f"with 6 GiB of memory, 2 GiB less, it fits on GPU ({OTHER})"]
    assert planned(house, wanted(6, device=OTHER)).fits
    told = planned(house, wanted(4, guarantee=30, device=DEVICE))
    assert told.changes == [
        f"with a guarantee of 20 % instead of 30 %, it fits on GPU ({DEVICE})",
        f"not tied to one device, it fits on GPU ({OTHER})",
    ]
    assert planned(house, wanted(4, guarantee=20, device=DEVICE)).fits
    assert planned(house, wanted(4, guarantee=30)).device == OTHER


def test_only_who_may_see_a_vgpu_is_told_of_it(house: House) -> None:
    house.create("held", wanted(12, device=DEVICE))
    house.create("full", wanted(12, device=OTHER))
    house.create("secret", wanted(4, movable=True), BOB)  # packed on the first device
    told = planned(house, wanted(4, device=DEVICE), ADMIN)
    move = f"with vGPU 'secret' (4 GiB) moved from GPU ({DEVICE}) to GPU ({OTHER}), it fits on "
    assert move + f"GPU ({DEVICE}); the move takes about 1 s" in told.changes
    told = planned(house, wanted(4, device=DEVICE), ALICE)
    assert "secret" not in repr(told)


def test_several_that_would_be_suspended_are_counted(house: House) -> None:
    house.create("held", wanted(16, device=OTHER))
    for number in range(4):
        house.create(f"b{number}", wanted(4, priority="batch", preemptible=True), BOB)
    told = planned(house, wanted(8))
    assert told.why.endswith("; waiting in the queue, it gets 2 batch vGPUs suspended for it")


def test_what_others_wait_for_is_not_free(house: House) -> None:
    house.create("a", wanted(12, device=DEVICE))
    house.create("waits", wanted(8, device=DEVICE))
    assert planned(house, wanted(4, device=DEVICE), BOB).fits
    house.clock.now += PATIENCE_MS
    told = planned(house, wanted(4, device=DEVICE), BOB)
    assert not told.fits
    assert "kept for those who wait longer" in told.why
    assert told.queue_position == 2


def test_all_that_is_free_is_what_is_left(house: House) -> None:
    house.create("a", wanted(12, device=DEVICE))
    with house.store.look() as view:
        found = find(view, demand(VgpuSpec(memory=ALL_MEMORY), "alice"), NODE)
        assert (found.device.uuid, found.memory) == (OTHER, 16 * GIB)
        pinned = demand(VgpuSpec(memory=ALL_MEMORY, device=DEVICE), "alice")
        assert find(view, pinned, NODE).memory == 4 * GIB


def test_it_is_refused_by_what_is_in_the_way(house: House) -> None:
    def refused(spec: VgpuSpec, kind: type[errors.AliquotError]) -> None:
        with house.store.look() as view, pytest.raises(kind):
            find(view, demand(spec, "alice"), NODE)

    with house.store.change("root") as change:
        plain = DeviceRecord(
            uuid="plain", node=NODE, name="plain", memory=GIB, facts={"modes": []}, simulated=True
        )
        devices.put(change, plain)
    house.create("a", wanted(12, guarantee=90, device=DEVICE, labels={"app": "db"}))
    refused(wanted(8, device=DEVICE), errors.MemoryUnavailable)
    refused(wanted(2, guarantee=20, device=DEVICE), errors.ShareUnavailable)
    refused(wanted(17), errors.QuotaAboveDevice)
    refused(wanted(1, device="plain"), errors.DeviceNotOffered)
    apart = {"apart": "app", "labels": {"app": "db"}}
    refused(wanted(1, device=DEVICE, **apart), errors.NoDeviceFits)
    with house.store.look() as view:
        assert find(view, demand(wanted(1, **apart), "alice"), NODE).device.uuid == OTHER
        # Labels of others say nothing.
        assert find(view, demand(wanted(1, **apart), "bob"), NODE).device.uuid == DEVICE
    with house.store.change("root") as change:
        devices.lose(change, OTHER)
    refused(wanted(1, device=OTHER), errors.DeviceLost)
