"""The past as a workload: who came when there was no room, and what would have helped."""

from __future__ import annotations

import pytest
from msgspec import structs

from aliquot.model.device_record import DeviceRecord
from aliquot.model.lifecycle import VgpuState, Wanted
from aliquot.model.shares import WHOLE
from aliquot.model.vgpu_record import Asked, VgpuRecord, VgpuSpec, VgpuStatus
from aliquot.placement.engine import Request
from aliquot.placement.planning import scenarios
from aliquot.placement.planning.history import Change, Stay, nodes_of, relived, stays_of
from aliquot.placement.planning.page import AS_THEY_CAME, page

GIB = 1 << 30


def device(uuid: str, **more: object) -> DeviceRecord:
    return DeviceRecord(uuid=uuid, node="n", name="GPU", memory=16 * GIB, **more)  # type: ignore[arg-type]


def stay(begins: int, ends: int | None, gib: int, share: int = 0, **later: int) -> Stay:
    """`at_7=3`: from 7 on 3 GiB; 0: nothing."""
    sizes = {begins: gib, **{int(when.removeprefix("at_")): size for when, size in later.items()}}
    changes = [
        Change(at, Request(devices=1, share=share, device_memory=size * GIB) if size else None)
        for at, size in sizes.items()
    ]
    return Stay(tuple(changes), ends)


def test_simulated_devices_count_where_there_are_no_others() -> None:
    gone, there = device("gone", present=False), device("there")
    simulated = device("simulated", simulated=True)
    assert [node.name for node in nodes_of([gone, there, simulated])] == ["there"]
    assert [node.name for node in nodes_of([gone, simulated])] == ["simulated"]
    assert nodes_of([gone]) == []


def test_who_came_when_there_was_no_room() -> None:
    nodes = nodes_of([device("one")])
    stays = [
        stay(0, 10, 10),
        stay(5, 8, 10),  # no room beside the first
        stay(6, 20, 4, 3000),
        stay(10, None, 10),  # the first goes as it comes
        stay(12, 13, 1, 8000),  # too much compute beside the third
    ]
    ways = {way.key: relived(way, stays) for way in scenarios(nodes, 1)}
    vgpu = ways["vgpu"]
    assert (vgpu.requests, vgpu.devices, vgpu.refused) == (5, 1, 2)
    assert vgpu.served == pytest.approx(60)
    assert vgpu.refused_devices == pytest.approx(10 / 16 + 0.8)
    assert vgpu.devices_used == pytest.approx(100 * (10 / 16 + 0.3))
    assert vgpu.lacking == {"memory of a device": 50.0, "a free share of a device": 50.0}
    assert ways["vgpu+1"].refused == 0
    assert ways["whole"].refused == 3  # nobody beside the first, nor beside the fourth
    text = page([*ways.values()], "What would serve them?", AS_THEY_CAME)
    assert "**Yes: software vGPUs, and 1 more devices** serve 100.0 %" in text
    assert "5 vGPUs, as they came, changed and went" in text


def test_memory_tells_the_size_of_an_instance() -> None:
    (mig,) = [way for way in scenarios(nodes_of([device("one")]), 0) if way.key == "mig"]

    def slices(gib: int, share: int = 0) -> int:
        return mig.changed(Request(devices=1, share=share, device_memory=gib * GIB)).device_memory

    assert [slices(gib) for gib in (1, 2, 3, 5, 8, 9, 16)] == [1, 1, 2, 4, 4, 8, 8]
    assert slices(1, WHOLE) == 8
    assert relived(mig, [stay(0, None, 17)]).refused == 1


def test_who_grows_where_there_is_no_room_stays_as_it_was() -> None:
    (way,) = [way for way in scenarios(nodes_of([device("one")]), 0) if way.key == "vgpu"]
    grows = stay(0, None, 4, at_5=13)
    assert relived(way, [grows]).refused == 0
    assert relived(way, [grows, stay(1, None, 4)]).refused == 1
    assert relived(way, [grows, stay(1, 4, 4)]).refused == 0
    # It has its 4 GiB still, and no more.
    last = [stay(6, None, 8), stay(7, None, 1)]
    found = relived(way, [grows, stay(1, None, 4), *last])
    assert (found.refused, found.devices_used) == (2, pytest.approx(100))
    assert found.lacking == {"memory of a device": 100.0}


def test_who_is_suspended_with_release_has_no_place_meanwhile() -> None:
    (way,) = [way for way in scenarios(nodes_of([device("one")]), 0) if way.key == "vgpu"]
    rests = stay(0, None, 10, at_5=0, at_9=10)
    assert relived(way, [rests, stay(6, 8, 10)]).refused == 0
    assert relived(way, [rests, stay(4, 8, 10)]).refused == 1
    assert relived(way, [rests, stay(6, 12, 10)]).refused == 1


def test_what_was_wanted_of_a_vgpu_and_when() -> None:
    def spec(gib: int, **more: object) -> VgpuSpec:
        return VgpuSpec(memory=gib * GIB, **more)  # type: ignore[arg-type]

    kept = VgpuRecord(
        id="v", name="v", tenant="alice", node="n", group=None, state=VgpuState.DELETED, reason="",
        reason_code="", failed_from=None, generation=6, spec=spec(3), status=VgpuStatus(),
        created_ms=10, changed_ms=90, deleted_ms=90,
    )  # fmt: skip
    asked = [
        Asked(10, spec(2)),
        Asked(20, spec(2, labels={"a": "b"})),
        Asked(30, spec(3)),
        Asked(25, spec(3, wanted=Wanted.SUSPENDED, release=True)),  # the clock was set back
        Asked(50, spec(3)),
        Asked(80, spec(3, wanted=Wanted.DELETED)),
    ]
    (found,) = stays_of([kept], {"v": asked})
    sizes = [(at, request and request.device_memory // GIB) for at, request in found.changes]
    assert (sizes, found.ends_ms) == ([(10, 2), (30, 3), (30, None), (50, 3)], 90)
    # Where the audit tells nothing of it, it was always as it was last.
    (found,) = stays_of([kept], {})
    assert [(at, request and request.device_memory // GIB) for at, request in found.changes] == [
        (10, 3)
    ]


def test_what_happens_at_one_moment_stays_in_its_order() -> None:
    """So it is where the clock was set back: what came later is of the moment before that."""
    (way,) = [way for way in scenarios(nodes_of([device("one")]), 0) if way.key == "vgpu"]
    request = Request(devices=1, share=0, device_memory=10 * GIB)
    rests = Stay((Change(5, request), Change(5, None)), None)
    assert relived(way, [rests, stay(6, None, 10)]).refused == 0
    comes_back = Stay((Change(5, request), Change(5, None), Change(5, request)), None)
    assert relived(way, [comes_back, stay(6, None, 10)]).refused == 1
    went_at_once = stay(5, 5, 10)
    assert relived(way, [went_at_once, stay(6, None, 10)]).refused == 0


def test_hardware_of_which_nobody_tells_how_much_it_has_takes_nothing() -> None:
    def kept(name: str, spec: VgpuSpec) -> VgpuRecord:
        return VgpuRecord(
            id=name, name=name, tenant="alice", node="n", group=None, state=VgpuState.READY,
            reason="", reason_code="", failed_from=None, generation=1, spec=spec,
            status=VgpuStatus(), created_ms=1, changed_ms=1, deleted_ms=None,
        )  # fmt: skip

    untold = structs.replace(device("untold"), memory=0)
    instance = device("instance", facts={"carrier": "half"})
    nodes = nodes_of([device("card"), untold, instance])
    assert [node.name for node in nodes] == ["card"]
    assert nodes_of([untold]) == []
    vgpus = [
        kept("function", VgpuSpec(memory=0, mode="sriov")),
        kept("half", VgpuSpec(memory=8 * GIB, mode="mig")),
        kept("soft", VgpuSpec(memory=6 * GIB, on="half")),
        kept("beside", VgpuSpec(memory=8 * GIB)),
    ]
    stays = stays_of(vgpus, {})
    assert len(stays) == 3
    for way in scenarios(nodes, 0):
        if way.key == "vgpu":
            assert relived(way, stays).refused == 0
