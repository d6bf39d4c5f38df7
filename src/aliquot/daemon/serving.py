"""The queue is served: whose turn it is, in one change. docs/placement.md has the rules."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import msgspec

from aliquot import words
from aliquot.daemon.caller import Caller
from aliquot.daemon.views import all_devices, demand_to_go_on
from aliquot.errors import DeviceHostUnreachable, InternalError, WaitedTooLong
from aliquot.model.lifecycle import LEASABLE, VgpuState, Wanted
from aliquot.model.line import Line
from aliquot.model.queue_entry import QueueEntry
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.model.why import Why, because
from aliquot.placement import Demand, DeviceView, Turn, Waiter, serve, why_not
from aliquot.store import (
    Change,
    View,
    clock,
    leases,
    lifecycle,
    queue,
    reservations,
    vgpus,
)

# Others wait while a change is made: so many are served at once, then the rest by the next.
MOST_AT_ONCE = 50
# Reasons that pass: a device host that can't be reached now has refused nothing.
_PASSING = frozenset({"", DeviceHostUnreachable.code, InternalError.code})


class Unit(NamedTuple):
    """A vGPU that waits, or those of a group that do, by their places in the queue."""

    entries: list[QueueEntry]
    members: list[VgpuRecord]
    demands: list[Demand]

    @property
    def waiter(self) -> Waiter:
        """The same as placement sees it."""
        return Waiter(
            tuple(self.demands),
            min(entry.since_ms for entry in self.entries),
            spread=all(kept.spec.own_device for kept in self.members),
        )


class NextRound(NamedTuple):
    """Who would be served now, and what is left for whoever comes next."""

    units: list[Unit]
    turns: list[Turn]
    devices: list[DeviceView]


class Known(NamedTuple):
    """What a daemon knows beyond the state, by the ids of vGPUs.

    `unstoppable`: their device hosts can't suspend them. `over`: their waits have lasted as long as
    they were to by a clock that doesn't jump.
    """

    unstoppable: Collection[str] = ()
    over: Collection[str] = ()


class Served(NamedTuple):
    """What a pass did: ids of vGPUs. `more`: there is more to do at once."""

    placed: list[str]
    suspended: list[str]
    ended: list[str]
    more: bool = False


def units(view: View, node: str) -> list[Unit]:
    """Those of a node who wait, in the order in which they are served: a group with its first."""
    waiting = {kept.id: kept for kept in vgpus.listed(view, vgpus.Filter(node=node, waiting=True))}
    stopped = [kept.id for kept in waiting.values() if kept.state is VgpuState.SUSPENDED]
    leased = leases.leased(view, stopped) if stopped else frozenset[str]()
    found: dict[str, Unit] = {}
    for entry in queue.waiting(view):
        kept = waiting.get(entry.vgpu)
        if kept is not None:
            # One that was made with its group, but is resumed, waits for itself alone.
            together = entry.group is not None and kept.state is VgpuState.PENDING
            unit = found.setdefault(
                entry.group if together and entry.group else kept.id, Unit([], [], [])
            )
            unit.entries.append(entry)
            unit.members.append(kept)
            unit.demands.append(demand_to_go_on(kept, kept.id in leased))
    return list(found.values())


def next_round(
    view: View,
    node: str,
    caller: Caller | None = None,
    *,
    leaving_out: str = "",
    unstoppable: Collection[str] = (),
) -> NextRound:
    """Whose turn it is, and what that leaves; nothing is changed.

    `leaving_out` is a vGPU that looks for a place now, and not in its turn.
    """
    waiting = [
        unit
        for unit in units(view, node)
        if not leaving_out or all(kept.id != leaving_out for kept in unit.members)
    ]
    devices = all_devices(view, node, caller, unstoppable)
    done = serve([unit.waiter for unit in waiting], devices, view.now_ms)
    return NextRound(waiting, done.turns, done.devices)


def is_there_work(view: View, node: str, known: Known) -> bool:
    """Whether a pass would do anything: reading keeps nobody waiting, as a change does."""
    if _to_go_on(view, node):
        return True
    if not queue.counted(view):
        return False
    if known.over or (queue.overdue(view) and clock.believed(view)):
        return True
    found = next_round(view, node, unstoppable=known.unstoppable)
    return any(turn.choices or turn.preemption for turn in found.turns)


def serve_queue(change: Change, known: Known) -> Served:
    """One pass: waits that are over end, then all who fit get their places, in their order.

    Where a waiter of a higher class fits only once batch vGPUs are suspended, that is wanted of
    them; they come back to the queue when they have given up their places.
    """
    ended = _end_waits(change, known.over)
    for kept in _to_go_on(change, change.node):
        queue.enter(change, kept.id)
    found = next_round(change, change.node, unstoppable=known.unstoppable)
    placed: list[str] = []
    suspended: list[str] = []
    for unit, turn in zip(found.units, found.turns, strict=True):
        if len(placed) >= MOST_AT_ONCE:
            return Served(placed, suspended, ended, more=True)
        if turn.choices is not None:
            places = {
                kept.id: choice.device.uuid
                for kept, choice in zip(unit.members, turn.choices, strict=True)
            }
            queue.serve(change, places)
            for kept in unit.members:
                if kept.state is VgpuState.SUSPENDED:
                    _go_on(change, kept)
            placed += places
        elif turn.preemption is not None:
            for vgpu in turn.preemption.vgpus:
                _suspend(change, vgpu.id, unit.members[0])
                suspended.append(vgpu.id)
    return Served(placed, suspended, ended)


def refused(view: View, node: str) -> list[VgpuRecord]:
    """Those who were to be suspended for others, and can't be: their device hosts said so."""
    running = vgpus.Filter(node=node, states=LEASABLE, preempted=True)
    return [kept for kept in vgpus.listed(view, running) if kept.reason_code not in _PASSING]


def spare(change: Change, kept: VgpuRecord) -> None:
    """Let go on what was to be suspended for others."""
    _go_on(change, kept)
    change.tell("vgpu.spared", kept.id, kept.tenant, name=kept.name, reason=kept.reason)


def give_up(change: Change, entry: QueueEntry, why: Line, code: str = "") -> None:
    """End a wait without a place. A vGPU that never had one fails, or is gone where it was passing.

    A suspended one stays so.
    """
    kept = vgpus.get(change, entry.vgpu)
    reason = words.english(why)
    queue.leave(change, kept.id, reason)
    if kept.state is VgpuState.PENDING:
        to = VgpuState.DELETED if kept.spec.ephemeral or not code else VgpuState.FAILED
        lifecycle.transition(change, kept.id, to, reason, code=code, lines=(why,))
        return
    stays = msgspec.structs.replace(
        kept.spec, wanted=Wanted.SUSPENDED, release=True, preempted=False
    )
    lifecycle.want(change, kept.id, stays)
    lifecycle.explain(change, kept.id, reason, code, lines=(why,))


def together(view: View, entry: QueueEntry) -> list[QueueEntry]:
    """Who ends waiting with this one: a group waits as a whole."""
    found = next(
        unit
        for unit in units(view, vgpus.get(view, entry.vgpu).node)
        if any(other.vgpu == entry.vgpu for other in unit.entries)
    )
    return found.entries


def _end_waits(change: Change, known_over: Collection[str]) -> list[str]:
    over = set(known_over)
    if clock.believed(change):
        over |= {entry.vgpu for entry in queue.overdue(change)}
    if not over:
        return []
    found = next_round(change, change.node)
    ended: list[str] = []
    for unit, turn in zip(found.units, found.turns, strict=True):
        if turn.choices is None and any(entry.vgpu in over for entry in unit.entries):
            why = because(Why.NO_PLACE_IN_TIME, _why_waiting(unit, turn))
            for entry in unit.entries:
                give_up(change, entry, why, WaitedTooLong.code)
                ended.append(entry.vgpu)
    return ended


def why_waiting(unit: Unit, turn: Turn) -> Line:
    """Why a unit isn't served, in a sentence."""
    if turn.choices is not None:
        return because(Why.SERVED_NEXT)
    if turn.preemption is not None:
        return because(Why.BATCH_SUSPENDED, count=len(turn.preemption.vgpus))
    return _why_waiting(unit, turn)


def _why_waiting(unit: Unit, turn: Turn) -> Line:
    wanted = unit.waiter.demands
    nowhere = [
        one
        for one in wanted
        if serve([Waiter((one,), 0)], turn.devices, 0).turns[0].choices is None
    ]
    if nowhere:
        return why_not(nowhere[0], turn.devices)
    return because(Why.NO_ROOM_FOR_GROUP, count=len(wanted))


def _to_go_on(view: View, node: str) -> list[VgpuRecord]:
    """Those who were suspended for others, have given up their places, and don't wait yet."""
    stopped = vgpus.Filter(node=node, states=frozenset({VgpuState.SUSPENDED}), preempted=True)
    return [
        kept
        for kept in vgpus.listed(view, stopped)
        if kept.spec.wanted is Wanted.SUSPENDED
        and not reservations.of_vgpu(view, kept.id)
        and queue.find(view, kept.id) is None
    ]


def _go_on(change: Change, kept: VgpuRecord) -> None:
    goes_on = msgspec.structs.replace(
        kept.spec, wanted=Wanted.RUNNING, release=False, preempted=False
    )
    lifecycle.want(change, kept.id, goes_on)


def _suspend(change: Change, vgpu: str, wanted_by: VgpuRecord) -> None:
    kept = vgpus.get(change, vgpu)
    # One that its owner suspended gives up its place, and waits for its owner.
    by_owner = kept.spec.wanted is Wanted.SUSPENDED
    stops = msgspec.structs.replace(
        kept.spec, wanted=Wanted.SUSPENDED, release=True, preempted=not by_owner
    )
    lifecycle.want(change, vgpu, stops)
    change.tell(
        "vgpu.preempted", vgpu, kept.tenant, name=kept.name, by=wanted_by.spec.shares.priority.word
    )
