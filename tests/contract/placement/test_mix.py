"""Which priority classes share a device: whoever comes keeps to it, waits for it, is told of it."""

from __future__ import annotations

import pytest

from aliquot import errors
from aliquot.daemon.limits import must_be_beside
from aliquot.daemon.place import find, plan
from aliquot.daemon.views import demand
from aliquot.model.lifecycle import VgpuState
from aliquot.model.vgpu_record import VgpuSpec
from aliquot.placement.waiting import PATIENCE_MS
from aliquot.store import devices
from tests.contract.placement.house import ALICE, BOB, FACTS, House, wanted
from tests.contract.store.places import DEVICE, NODE, OTHER, put_device

ALONE = {"latency:batch": 0}


def mixed(house: House, mix: dict[str, int], device: str = DEVICE) -> None:
    with house.store.change("root") as change:
        devices.set_up(change, device, {"priority_mix": mix})


def found(house: House, spec: VgpuSpec, tenant: str = "alice") -> str:
    with house.store.look() as view:
        return find(view, demand(spec, tenant), NODE).device.uuid


def test_whoever_comes_keeps_to_the_mix_whoever_is_there(house: House) -> None:
    mixed(house, ALONE)
    house.create("night", wanted(1, priority="batch", device=DEVICE), BOB)
    assert found(house, wanted(1)) == DEVICE
    assert found(house, wanted(1, priority="batch")) == DEVICE
    assert found(house, wanted(1, priority="latency")) == OTHER
    with pytest.raises(errors.NoDeviceFits, match="at most 0 of class batch"):
        found(house, wanted(1, priority="latency", device=DEVICE))
    mixed(house, {})
    assert found(house, wanted(1, priority="latency", device=DEVICE)) == DEVICE


def test_so_many_of_a_class_and_no_more(house: House) -> None:
    mixed(house, {"latency:latency": 1})
    for number in range(3):
        house.create(f"quick{number}", wanted(1, priority="latency"))
    with house.store.look() as view:
        reserved = {one.uuid: one.reserved_memory >> 30 for one in devices.listed(view)}
    assert reserved == {DEVICE: 2, OTHER: 1}


def test_a_dry_run_tells_of_it_and_of_another_class(house: House) -> None:
    mixed(house, ALONE)
    house.create("quick", wanted(1, priority="latency", device=DEVICE))
    spec = wanted(1, priority="batch", device=DEVICE)
    with house.store.look() as view:
        told = plan(view, demand(spec, "alice"), ALICE, NODE)
    assert "beside a vGPU of class latency at most 0 of class batch may be" in told.why
    assert f"of class normal instead of batch, it fits on GPU ({DEVICE})" in told.changes
    assert found(house, wanted(1, device=DEVICE)) == DEVICE


def test_who_waits_for_the_mix_is_overtaken_for_a_while_and_no_longer(house: House) -> None:
    mixed(house, ALONE)
    night = house.create("night", wanted(1, priority="batch", device=DEVICE), BOB)
    waits = house.create("waits", wanted(1, priority="latency", device=DEVICE))
    assert house.state(waits) is VgpuState.PENDING
    assert found(house, wanted(1, priority="batch", device=DEVICE), "bob") == DEVICE
    house.clock.now += PATIENCE_MS
    with pytest.raises(errors.NoDeviceFits, match="who waits longer counts as there"):
        found(house, wanted(1, priority="batch", device=DEVICE), "bob")
    assert found(house, wanted(1, device=DEVICE), "bob") == DEVICE
    house.delete(night)
    assert house.serve().placed == [waits]
    house.check()


def test_batch_makes_way_for_the_mix_where_it_may(house: House) -> None:
    mixed(house, {"latency:batch": 1})
    kept = wanted(2, priority="batch", preemptible=True, device=DEVICE)
    made = [house.create(f"b{number}", kept, BOB) for number in range(3)]
    waits = house.create("waits", wanted(1, priority="latency", device=DEVICE))
    assert sorted(house.serve().suspended) == made[1:]  # two of three, the newest
    house.serve()
    assert house.where(waits) == DEVICE
    house.check()


def test_another_class_is_refused_where_the_mix_lets_it_not(house: House) -> None:
    mixed(house, ALONE)
    house.create("night", wanted(1, priority="batch", device=DEVICE), BOB)
    plain = house.get(house.create("plain", wanted(1, device=DEVICE)))
    with house.store.look() as view:
        must_be_beside(view, plain, wanted(1, priority="batch"))
        with pytest.raises(errors.ClassNotBeside, match="at most 0 of class batch"):
            must_be_beside(view, plain, wanted(1, priority="latency"))


def test_a_mix_stays_as_discovery_looks_again(house: House) -> None:
    mixed(house, ALONE)
    with house.store.change("root") as change:
        put_device(change, DEVICE, simulated=True, facts=FACTS)
        assert devices.get(change, DEVICE).settings == {"priority_mix": ALONE}
