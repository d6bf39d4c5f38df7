"""The past as a workload: who came when there was no room, and what would have helped."""

from __future__ import annotations

import pytest

from aliquot.model.device_record import DeviceRecord
from aliquot.model.shares import WHOLE
from aliquot.placement.engine import Request
from aliquot.placement.planning import scenarios
from aliquot.placement.planning.history import Stay, nodes_of, relived
from aliquot.placement.planning.page import AS_THEY_CAME, page

GIB = 1 << 30


def device(uuid: str, **more: object) -> DeviceRecord:
    return DeviceRecord(uuid=uuid, node="n", name="GPU", memory=16 * GIB, **more)  # type: ignore[arg-type]


def stay(begins: int, ends: int | None, gib: int, share: int = 0) -> Stay:
    return Stay(Request(devices=1, share=share, device_memory=gib * GIB), begins, ends)


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
    assert "5 vGPUs, as they came and went" in text


def test_memory_tells_the_size_of_an_instance() -> None:
    (mig,) = [way for way in scenarios(nodes_of([device("one")]), 0) if way.key == "mig"]

    def slices(gib: int, share: int = 0) -> int:
        return mig.changed(Request(devices=1, share=share, device_memory=gib * GIB)).device_memory

    assert [slices(gib) for gib in (1, 2, 3, 5, 8, 9, 16)] == [1, 1, 2, 4, 4, 8, 8]
    assert slices(1, WHOLE) == 8
    assert relived(mig, [stay(0, None, 17)]).refused == 1
