"""The daemon's own past as a workload: vGPUs came, stayed and went, on the devices of its state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from aliquot.model.device import SOFTWARE
from aliquot.model.device_record import DeviceRecord
from aliquot.model.lifecycle import Wanted
from aliquot.model.shares import WHOLE
from aliquot.model.vgpu_record import Asked, VgpuRecord, VgpuSpec
from aliquot.placement.engine import Claim, Engine, Node, Place, Placer, Policy, Request
from aliquot.placement.engine.obstacles import Obstacle
from aliquot.placement.planning.answer import Answer, closest, shown
from aliquot.placement.planning.scenarios import Scenario


class Change(NamedTuple):
    """What a vGPU asked for from a time on, in milliseconds since 1970; None: nothing, as it had
    given up its place."""

    at_ms: int
    request: Request | None


class Stay(NamedTuple):
    """What a vGPU asked for, the oldest first, and until when it was there; None: it is still."""

    changes: tuple[Change, ...]
    ends_ms: int | None


def nodes_of(devices: Sequence[DeviceRecord]) -> list[Node]:
    """A node for each device that is there; simulated ones only where there are no others.

    Not for partitions, which are parts of their cards, nor for cards whose memory nobody tells: on
    them nothing is set aside.
    """
    present = [
        device
        for device in devices
        if device.present and device.memory and not device.facts.get("carrier")
    ]
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


def stays_of(vgpus: Sequence[VgpuRecord], specs: Mapping[str, Sequence[Asked]]) -> list[Stay]:
    """What each vGPU wanted of its device, and when: of one without specs what it wanted last.

    Those on partitions have what these have set aside already.
    """
    return [
        Stay(
            tuple(_changes(specs.get(kept.id) or [Asked(kept.created_ms, kept.spec)])),
            kept.deleted_ms,
        )
        for kept in vgpus
        if kept.spec.on is None
    ]


def _changes(asked: Sequence[Asked]) -> Iterator[Change]:
    """Those that matter here. Times that a jump of the clock has mixed up stay in their order."""
    at_ms = 0
    before: Request | None = None
    for one in asked:
        if one.spec.wanted is Wanted.DELETED:
            return
        at_ms = max(at_ms, one.since_ms)
        gone = one.spec.wanted is Wanted.SUSPENDED and one.spec.release
        request = None if gone else _request(one.spec)
        if request != before:
            yield Change(at_ms, request)
        before = request


def _request(spec: VgpuSpec) -> Request | None:
    if not spec.memory and not spec.shares.guarantee:
        return None  # hardware of which nobody tells how much it has: nothing is set aside for it
    return Request(devices=1, share=spec.shares.guarantee, device_memory=spec.memory)


def relived(scenario: Scenario, stays: Sequence[Stay]) -> Answer:
    """Let it all happen again, placed as the daemon does; who finds no place is refused.

    One that is to grow where it is and can't stays as it was, and counts as refused, too.
    `devices_used` is that of the busiest moment.
    """
    past = _Past(scenario)
    for number, request in _events(stays):
        past.change(number, request)
    devices = sum(node.devices for node in scenario.nodes)
    count = len(past.refused)
    return Answer(
        key=scenario.key,
        words=scenario.words,
        requests=len(stays),
        devices=devices,
        served=100 * (1 - count / len(stays)),
        refused=count,
        refused_devices=sum(past.refused.values()),
        devices_used=100 * past.most_used / devices,
        lacking=shown(past.lacking),
    )


class _Past:
    """Who is where, as it goes on. `refused`: by vGPU how much of a device it asked for."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._placer = Placer(Engine(scenario.nodes, Policy.PACK))
        self._size = max(node.device_memory for node in scenario.nodes)
        self._there: dict[int, Place] = {}  # by vGPU
        self._used: dict[int, float] = {}  # how much of a device it takes
        self.refused: dict[int, float] = {}
        self.lacking: Counter[Obstacle] = Counter()
        self.most_used = 0.0

    def change(self, number: int, request: Request | None) -> None:
        """A vGPU asks for this from now on."""
        before = self._there.pop(number, None)
        if before is not None:
            self._placer.give_back(before.id)
        if request is None:
            self._used.pop(number, None)
            return
        claim = Claim(request=self._scenario.changed(request))
        taken = _devices(request, self._size)
        if before is None:
            place = self._placer.place(claim)
        else:  # its size changes where it is
            place = self._placer.place_on(claim, before.node)
        if place is None and number not in self.refused:
            nodes = None if before is None else [before.node]
            self.refused[number] = taken
            self.lacking[closest(self._placer.engine, claim.request, nodes)] += 1
        if place is None and before is not None:  # it stays as it was
            place = self._placer.place_at(
                Claim(request=before.request), before.node, before.devices
            )
            taken = self._used[number]
        if place is not None:
            self._there[number], self._used[number] = place, taken
        self.most_used = max(self.most_used, sum(self._used.values()))


def _events(stays: Sequence[Stay]) -> Iterator[tuple[int, Request | None]]:
    """What which vGPU asks for, in the order of time; whoever goes makes way for who comes."""
    events: list[tuple[int, bool, int, int, Request | None]] = []
    for number, stay in enumerate(stays):
        before_ms, comes = -1, False
        for order, (at_ms, request) in enumerate(stay.changes):
            # What one vGPU asks for at one moment stays in its order.
            comes = request is not None or (comes and at_ms == before_ms)
            before_ms = at_ms
            if stay.ends_ms is None or at_ms < stay.ends_ms:
                events.append((at_ms, comes, number, order, request))
        if stay.ends_ms is not None:
            events.append((stay.ends_ms, False, number, len(stay.changes), None))
    events.sort(key=lambda event: event[:4])
    for _, _, number, _, request in events:
        yield number, request


def _devices(request: Request, size: int) -> float:
    """The part of a device that a request takes: the larger of its shares of time and memory."""
    return max(request.share / WHOLE, request.device_memory / size)
