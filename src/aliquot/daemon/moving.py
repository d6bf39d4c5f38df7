"""Places in the state while a vGPU moves, or comes back to one.

While it moves it has a place on both devices, so that it can go on at either whatever happens. The
end of a move gives back the one where it isn't.
"""

from __future__ import annotations

import msgspec

from aliquot.daemon.choosing import line_of
from aliquot.daemon.making import PASSING
from aliquot.daemon.place import find
from aliquot.daemon.queue import enter
from aliquot.daemon.views import demand_of_vgpu, demand_to_go_on
from aliquot.errors import IllegalTransition, SimulatedDevice
from aliquot.model.lifecycle import LEASABLE, VgpuState, Wanted
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.model.why import Why
from aliquot.store import Change, devices, lifecycle, queue, reservations, vgpus
from aliquot.words.refusals import refusal


def start_move(change: Change, vgpu: str, wanted: str, generation: int | None) -> None:
    """Set its place aside on the other device.

    Raises UnknownDevice, IllegalTransition, SimulatedDevice, and what placing it there would:
    DeviceLost, DeviceNotOffered, MemoryUnavailable, ShareUnavailable, NoDeviceFits.
    """
    kept = vgpus.get(change, vgpu)
    if generation is not None and generation != kept.generation:
        raise lifecycle.other_generation(kept, generation)
    held = reservations.of_vgpu(change, vgpu)
    movable = kept.state in LEASABLE or kept.state is VgpuState.SUSPENDED
    if not movable or len(held) != 1 or kept.spec.wanted is Wanted.DELETED or kept.spec.adopted:
        state = kept.state.value
        raise refusal(IllegalTransition, Why.CANNOT_MOVE, vgpu=kept.name, state=state)
    source = devices.get(change, held[0].device)
    target = line_of(change, change.node, wanted).record
    if target.uuid == source.uuid:
        raise refusal(IllegalTransition, Why.THERE_ALREADY, vgpu=kept.name)
    if target.simulated != source.simulated:
        raise refusal(SimulatedDevice, Why.REAL_AND_SIMULATED)
    # As whoever comes anew: nothing that is kept for others, nor beside what it is apart from.
    there = msgspec.structs.replace(
        demand_of_vgpu(kept),
        device=target.uuid,
        memory=held[0].memory,
        guarantee=held[0].guarantee,
    )
    find(change, there, change.node)
    reservations.reserve(change, vgpu, target.uuid, held[0].memory, held[0].guarantee)
    if kept.spec.device is not None:
        lifecycle.want(change, vgpu, msgspec.structs.replace(kept.spec, device=target.uuid))
    change.tell(
        "vgpu.moving", vgpu, kept.tenant, name=kept.name, source=source.uuid, target=target.uuid
    )


def give_up_move(change: Change, vgpu: str) -> None:
    """Give back the place where it isn't: it goes on where it is."""
    kept = vgpus.get(change, vgpu)
    held = reservations.of_vgpu(change, vgpu)
    if len(held) < 2:
        return
    for place_held in held:
        if place_held.device != kept.status.device:
            reservations.release(change, vgpu, place_held.device)
    if kept.spec.device is not None and kept.spec.wanted is not Wanted.DELETED:
        spec = msgspec.structs.replace(kept.spec, device=kept.status.device)
        lifecycle.want(change, vgpu, spec)
    change.tell("vgpu.stayed", vgpu, kept.tenant, name=kept.name, device=kept.status.device)


def place_again(change: Change, kept: VgpuRecord, wait_ms: int | None) -> None:
    """A place for a suspended vGPU that gave up its own, or its wait for one.

    Raises why there is no place where it doesn't want to wait.
    """
    if reservations.of_vgpu(change, kept.id) or kept.state is not VgpuState.SUSPENDED:
        return
    leased = lifecycle.active_leases(change, kept.id) > 0
    try:
        found = find(change, demand_to_go_on(kept, leased), change.node)
    except PASSING:
        if wait_ms is None:
            raise
        enter(change, kept, wait_ms)
        return
    if queue.find(change, kept.id) is not None:
        queue.leave(change, kept.id, "its owner resumes it where there is room")
    spec = kept.spec
    reservations.reserve(change, kept.id, found.device.uuid, spec.memory, spec.shares.guarantee)
