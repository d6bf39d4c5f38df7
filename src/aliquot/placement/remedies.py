"""Which one thing would make a demand fit: a change, moves, or a suspension.

What would mend it the engine finds (engine/explain.py, engine/defragment.py), and has tried; here
it gets its words. Changes of size are the smallest: with a byte or a hundredth of a percent more it
doesn't fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import ceil
from typing import NamedTuple

import msgspec

from aliquot import words
from aliquot.model.line import Line
from aliquot.model.why import Why, because
from aliquot.placement.demand import Demand
from aliquot.placement.engine.defragment import Plan, PlannedMove, plan_moves
from aliquot.placement.engine.explain import changes
from aliquot.placement.engine.obstacles import Obstacle
from aliquot.placement.explain import about
from aliquot.placement.machine import Machine, choose
from aliquot.placement.preempt import victims
from aliquot.placement.views import DeviceView, changed

_OF_MEMORY = frozenset({Obstacle.DEVICE_MEMORY, Obstacle.QUOTA_MEMORY})
_OF_SHARE = frozenset({Obstacle.SHARE, Obstacle.QUOTA_SHARE})


class Remedy(NamedTuple):
    """One thing that would make it fit: as words, and as the question that is then answered yes."""

    line: Line
    demand: Demand
    devices: list[DeviceView]

    @property
    def words(self) -> str:
        """The same in English."""
        return words.english(self.line)


def remedies(demand: Demand, devices: Sequence[DeviceView]) -> list[Remedy]:
    """Single changes, moves and suspensions, each of which would make it fit; [] where it fits."""
    machine = Machine(
        devices,
        movable=lambda v: v.movable and v.shown and not v.leaving and v.id != demand.id,
    )
    if machine.choose(demand) is not None:
        return []
    found = [*_changes(demand, machine), *_moves(demand, machine), *_suspension(demand, devices)]
    # Tried once more, on the devices as they would be: that is what is promised.
    return [remedy for remedy in found if choose(remedy.demand, remedy.devices) is not None]


def _changes(demand: Demand, machine: Machine) -> Iterator[Remedy]:
    for change in changes(machine.placer, machine.claim(demand)):
        device = machine.devices[change.node]
        request = change.claim.request
        if change.obstacle in _OF_MEMORY and demand.memory:
            room = request.device_memory
            line = about(Why.LESS_MEMORY, device, memory=room, less=demand.memory - room)
            yield Remedy(line, _with(demand, memory=room), machine.devices)
        if change.obstacle in _OF_SHARE:
            share, wanted = request.share / 100, demand.guarantee / 100
            line = about(Why.LESS_GUARANTEE, device, share=share, wanted=wanted)
            yield Remedy(line, _with(demand, guarantee=request.share), machine.devices)
        if change.obstacle is Obstacle.MIX and not demand.preemptible:
            other = change.claim.priority
            priority, wanted = other.word, demand.priority.word
            line = about(Why.OTHER_CLASS, device, priority=priority, wanted=wanted)
            yield Remedy(line, _with(demand, priority=other), machine.devices)
    freed = _with(demand, device=None)
    if freed != demand and (choice := machine.choose(freed)):
        yield Remedy(about(Why.NOT_TIED, choice.device), freed, machine.devices)
    freed = _with(demand, apart=None)
    if freed != demand and (choice := machine.choose(freed)):
        line = about(Why.NOT_APART, choice.device, label=str(demand.apart))
        yield Remedy(line, freed, machine.devices)


def _moves(demand: Demand, machine: Machine) -> Iterator[Remedy]:
    """The fewest moves, of these those of the least memory, of what who asks may see."""
    if demand.memory is None:
        return
    plan = plan_moves(machine.placer, machine.claim(demand))
    if plan is None:
        return
    after = machine.devices
    for move in plan.moves:
        after = changed(after, machine.devices[move.source].uuid, _without(machine, move))
        after = changed(after, machine.devices[move.to].uuid, _with_moved(machine, move))
    yield Remedy(_moves_line(machine, plan), demand, after)


def _without(machine: Machine, move: PlannedMove) -> Callable[[DeviceView], DeviceView]:
    return lambda device: device.without([machine.vgpus[move.place]])


def _with_moved(machine: Machine, move: PlannedMove) -> Callable[[DeviceView], DeviceView]:
    return lambda device: device.with_vgpu(machine.vgpus[move.place])


def _moves_line(machine: Machine, plan: Plan) -> Line:
    """Who is moved where, how much that copies and how long it takes."""
    device, seconds = machine.devices[plan.node], ceil(plan.pause_seconds)
    moves = [(machine.vgpus[move.place], machine.devices[move.to]) for move in plan.moves]
    if len(moves) == 1:
        ((vgpu, target),) = moves
        return about(
            Why.MOVED,
            device,
            vgpu=vgpu.name,
            memory=vgpu.memory,
            target=target.name,
            target_uuid=target.uuid,
            seconds=seconds,
        )
    each = [
        because(
            Why.ONE_OF_MOVES,
            vgpu=vgpu.name,
            memory=vgpu.memory,
            target=target.name,
            target_uuid=target.uuid,
        )
        for vgpu, target in moves
    ]
    return about(
        Why.SEVERAL_MOVED, device, *each, count=len(moves), memory=plan.bytes, seconds=seconds
    )


def _suspension(demand: Demand, devices: Sequence[DeviceView]) -> Iterator[Remedy]:
    found = victims(demand, devices)
    if found is None or len(found.vgpus) != 1:
        return
    (vgpu,) = found.vgpus
    uuid = found.device.uuid
    after = changed([device.settled() for device in devices], uuid, lambda one: one.without([vgpu]))
    if vgpu.shown:
        line = about(Why.SUSPENDED, found.device, vgpu=vgpu.name, memory=vgpu.memory)
    else:
        line = about(Why.SUSPENDED_OTHERS, found.device, memory=vgpu.memory)
    yield Remedy(line, demand, after)


def _with(demand: Demand, **fields: object) -> Demand:
    return msgspec.structs.replace(demand, **fields)
