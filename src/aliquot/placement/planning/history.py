"""The daemon's own past as a workload: vGPUs came, stayed and went, on the devices of its state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from aliquot.model.device import SOFTWARE
from aliquot.model.device_record import DeviceRecord
from aliquot.model.shares import WHOLE
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.placement.engine import Claim, Engine, Node, Placer, Policy, Request
from aliquot.placement.engine.obstacles import Obstacle
from aliquot.placement.planning.answer import Answer, closest, shown
from aliquot.placement.planning.scenarios import Scenario


class Stay(NamedTuple):
    """What a vGPU asked for, and from when until when it was there: milliseconds since 1970; None:
    it is there still."""

    request: Request
    begins_ms: int
    ends_ms: int | None


def nodes_of(devices: Sequence[DeviceRecord]) -> list[Node]:
    """A node for each device that is there; simulated ones only where there are no others."""
    present = [device for device in devices if device.present]
    real = [device for device in present if not device.simulated]
    return [
        Node(
            name=device.uuid,
            cpu=0,
            memory=0,
            devices=1,
            model=device.name,
            device_memory=device.memory,
            stands_in=device.facts.get("kind") == SOFTWARE,
        )
        for device in real or present
    ]


def stays_of(vgpus: Sequence[VgpuRecord]) -> list[Stay]:
    """What each vGPU wanted of its device, as it was wanted last."""
    return [
        Stay(
            Request(devices=1, share=kept.spec.shares.guarantee, device_memory=kept.spec.memory),
            kept.created_ms,
            kept.deleted_ms,
        )
        for kept in vgpus
    ]


def relived(scenario: Scenario, stays: Sequence[Stay]) -> Answer:
    """Let it all happen again, placed as the daemon does; who finds no place is refused.

    `devices_used` is that of the busiest moment.
    """
    placer = Placer(Engine(scenario.nodes, Policy.PACK))
    size = max(node.device_memory for node in scenario.nodes)
    places: dict[int, int] = {}
    lacking: Counter[Obstacle] = Counter()
    used = most_used = refused = 0.0
    count = 0
    for number, comes in _events(stays):
        taken = _devices(stays[number].request, size)
        if not comes:
            if (place := places.pop(number, None)) is not None:
                placer.give_back(place)
                used -= taken
            continue
        request = scenario.changed(stays[number].request)
        place = placer.place(Claim(request=request))
        if place is None:
            count += 1
            refused += taken
            lacking[closest(placer.engine, request)] += 1
            continue
        places[number] = place.id
        used += taken
        most_used = max(most_used, used)
    devices = sum(node.devices for node in scenario.nodes)
    return Answer(
        key=scenario.key,
        words=scenario.words,
        requests=len(stays),
        devices=devices,
        served=100 * (1 - count / len(stays)),
        refused=count,
        refused_devices=refused,
        devices_used=100 * most_used / devices,
        lacking=shown(lacking),
    )


def _events(stays: Sequence[Stay]) -> Iterator[tuple[int, bool]]:
    """Who comes (True) or goes, in the order of time; whoever goes makes way for who comes."""
    events = [(stay.begins_ms, 1, number) for number, stay in enumerate(stays)]
    events += [
        (stay.ends_ms, 0, number) for number, stay in enumerate(stays) if stay.ends_ms is not None
    ]
    for _, comes, number in sorted(events):
        yield number, bool(comes)


def _devices(request: Request, size: int) -> float:
    """The part of a device that a request takes: the larger of its shares of time and memory."""
    return max(request.share / WHOLE, request.device_memory / size)
