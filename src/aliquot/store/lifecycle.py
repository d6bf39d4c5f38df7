"""How vGPUs change: what is wanted of them, what was observed, and their states.

A reservation is never smaller than what may be in use: growing reserves at once, shrinking gives
back when the smaller size was observed, and deleting when the vGPU is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, func, select, update

from aliquot.errors import ChangedMeanwhile, IllegalTransition
from aliquot.model.lifecycle import TRANSITIONS, VgpuState
from aliquot.model.line import Line
from aliquot.model.vgpu import MODE_REMOTING
from aliquot.model.vgpu_record import VgpuRecord, VgpuSpec, VgpuStatus
from aliquot.model.why import Why
from aliquot.store import codec, reservations, vgpus
from aliquot.store.change import Change, View
from aliquot.store.tables import labels, leases, queue
from aliquot.store.tables import vgpus as table
from aliquot.store.words import clean
from aliquot.words.refusals import refusal

_CHANGE = update(table).where(table.c.id == bindparam("vgpu"))
_COUNT_LEASES = (
    select(func.count())
    .select_from(leases)
    .where(leases.c.vgpu_id == bindparam("vgpu"), leases.c.released_ms.is_(None))
)


def want(change: Change, vgpu: str, spec: VgpuSpec, *, generation: int | None = None) -> VgpuRecord:
    """Change what is wanted; `generation` is the one that the change was made for.

    Raises ChangedMeanwhile where there is a newer one, MemoryUnavailable or ShareUnavailable where
    the device has no room for it; then nothing has changed.
    """
    before = vgpus.get(change, vgpu)
    if generation is not None and generation != before.generation:
        raise other_generation(before, generation)
    if before.state is VgpuState.DELETED:
        raise refusal(IllegalTransition, Why.DELETED, vgpu=before.name)
    vgpus.check(spec)
    if spec == before.spec:
        return before
    # What hardware has cut stays as large as it is.
    held = reservations.of_vgpu(change, vgpu) if spec.mode == MODE_REMOTING else []
    for kept in held:
        reservations.reserve(
            change,
            vgpu,
            kept.device,
            max(kept.memory, spec.memory),
            max(kept.guarantee, spec.shares.guarantee),
        )
    if spec.labels != before.spec.labels:
        change.connection.execute(delete(labels).where(labels.c.vgpu_id == vgpu))
        vgpus.put_labels(change, vgpu, spec)
    after = _write(change, before, generation=before.generation + 1, spec=spec)
    change.tell(
        "vgpu.wanted",
        vgpu,
        before.tenant,
        name=before.name,
        generation=after.generation,
        spec=codec.plain(spec),
    )
    return after


def observe(change: Change, vgpu: str, status: VgpuStatus) -> VgpuRecord:
    """Keep what was observed. Where the newest generation was, what it no longer needs is freed."""
    before = vgpus.get(change, vgpu)
    if status == before.status:
        return before
    after = _write(change, before, status=status)
    _observed(change, before, status)
    return after


def settle(change: Change, vgpu: str, status: VgpuStatus, to: VgpuState) -> VgpuRecord:
    """Observe, bring to a state, and have nothing to explain any more, all by one write.

    Ready and leased are meant as for `transition`, and what may not follow is refused as there.
    """
    before = vgpus.get(change, vgpu)
    to = _leased_or(change, vgpu, to)
    if to is not before.state and to not in TRANSITIONS[before.state]:
        raise _cannot_become(before, to)
    if to in (VgpuState.FAILED, VgpuState.DELETED):
        raise ValueError("that is no state to settle in")
    told_well = {"reason": "", "reason_code": "", "reason_lines": (), "failed_from": None}
    after = _write(change, before, status=status, state=to, **told_well)
    _observed(change, before, status)
    if to is not before.state:
        change.tell(f"vgpu.{to}", vgpu, before.tenant, name=before.name, before=before.state.value)
    elif before.reason:
        _explained(change, before, "", "")
    return after


def transition(
    change: Change,
    vgpu: str,
    to: VgpuState,
    reason: str = "",
    *,
    code: str = "",
    lines: Sequence[Line] = (),
) -> VgpuRecord:
    """Bring a vGPU to a state; raises IllegalTransition where that may not follow.

    Of ready and leased it becomes what its leases say. A failed one needs a reason; `lines` are
    the reason to be told in any language, where it is a sentence of ours.
    """
    before = vgpus.get(change, vgpu)
    to = _leased_or(change, vgpu, to)
    if to is before.state:
        return before
    if to not in TRANSITIONS[before.state]:
        raise _cannot_become(before, to)
    if to is VgpuState.FAILED and not reason:
        raise ValueError("a failed vGPU needs a reason")
    more: dict[str, Any] = {}
    if to in (VgpuState.FAILED, VgpuState.DELETED):
        # What can't go on waits for nothing.
        change.connection.execute(delete(queue).where(queue.c.vgpu_id == vgpu))
    if to is VgpuState.DELETED:
        reservations.release(change, vgpu)
        _end_leases(change, vgpu)
        more = {"deleted_ms": change.now_ms}
    after = _write(
        change,
        before,
        state=to,
        reason=clean(reason),
        reason_code=code,
        reason_lines=tuple(lines),
        failed_from=before.state if to is VgpuState.FAILED else None,
        **more,
    )
    told = {"reason": reason, "code": code} if reason else {}
    change.tell(
        f"vgpu.{to}", vgpu, before.tenant, name=before.name, before=before.state.value, **told
    )
    return after


def explain(
    change: Change, vgpu: str, reason: str, code: str = "", *, lines: Sequence[Line] = ()
) -> VgpuRecord:
    """Say why a vGPU isn't as it is wanted, in the state that it is in; empty: all is well."""
    before = vgpus.get(change, vgpu)
    reason = clean(reason)
    same = (reason, code) == (before.reason, before.reason_code)
    if same and tuple(lines) == before.reason_lines:
        return before
    after = _write(change, before, reason=reason, reason_code=code, reason_lines=tuple(lines))
    if not same:  # watchers are told of the reason alone
        _explained(change, before, reason, code)
    return after


def other_generation(kept: VgpuRecord, wanted: int) -> ChangedMeanwhile:
    """What is said to who would change what has changed since they saw it."""
    return refusal(
        ChangedMeanwhile,
        Why.OTHER_GENERATION,
        vgpu=kept.name,
        generation=kept.generation,
        wanted=wanted,
    )


def recover(change: Change, vgpu: str) -> VgpuRecord:
    """Bring a failed vGPU back to where it was."""
    before = vgpus.get(change, vgpu)
    if before.state is not VgpuState.FAILED or before.failed_from is None:
        raise IllegalTransition(f"vGPU {before.name!r} is {before.state}, not failed")
    return transition(change, vgpu, before.failed_from)


def active_leases(view: View, vgpu: str) -> int:
    """How many leases of a vGPU are in force."""
    return view.connection.execute(_COUNT_LEASES, {"vgpu": vgpu}).scalar_one()


def with_wanted(spec: VgpuSpec, **changes: Any) -> VgpuSpec:
    """The same spec with other values."""
    return msgspec.structs.replace(spec, **changes)


def _cannot_become(kept: VgpuRecord, to: VgpuState) -> IllegalTransition:
    return refusal(
        IllegalTransition, Why.CANNOT_BECOME, vgpu=kept.name, state=kept.state.value, to=to.value
    )


def _leased_or(change: Change, vgpu: str, to: VgpuState) -> VgpuState:
    """Of ready and leased that which the leases say; any other state as it is."""
    if to not in (VgpuState.READY, VgpuState.LEASED):
        return to
    return VgpuState.LEASED if active_leases(change, vgpu) else VgpuState.READY


def _observed(change: Change, before: VgpuRecord, status: VgpuStatus) -> None:
    """Free what the observed generation doesn't need, and tell of what is new."""
    if status.observed_generation == before.generation and before.state is not VgpuState.DELETED:
        spec = before.spec
        held = reservations.of_vgpu(change, before.id) if spec.mode == MODE_REMOTING else []
        for kept in held:
            if (kept.memory, kept.guarantee) != (spec.memory, spec.shares.guarantee):
                reservations.reserve(
                    change, before.id, kept.device, spec.memory, spec.shares.guarantee
                )
    if status.observed_generation != before.status.observed_generation or (
        status.device != before.status.device
    ):
        change.tell(
            "vgpu.observed",
            before.id,
            before.tenant,
            name=before.name,
            generation=status.observed_generation,
            device=status.device,
        )


def _explained(change: Change, before: VgpuRecord, reason: str, code: str) -> None:
    change.tell_watchers(
        "vgpu.explained", before.id, before.tenant, name=before.name, reason=reason, code=code
    )


def _end_leases(change: Change, vgpu: str) -> None:
    in_force = (leases.c.vgpu_id == vgpu) & leases.c.released_ms.is_(None)
    ending = "the vGPU was deleted"
    for lease in change.connection.execute(
        select(leases.c.id, leases.c.tenant).where(in_force)
    ).all():
        change.tell("lease.released", lease.id, lease.tenant, vgpu=vgpu, ending=ending)
    change.connection.execute(
        update(leases).where(in_force).values(released_ms=change.now_ms, ending=ending)
    )


def _write(change: Change, before: VgpuRecord, **fields: Any) -> VgpuRecord:
    """The vGPU with other fields, of which those columns are written that differ."""
    after = msgspec.structs.replace(before, changed_ms=change.now_ms, **fields)
    was, now = vgpus.columns(before), vgpus.columns(after)
    values = {name: value for name, value in now.items() if value != was[name]}
    if values:
        change.connection.execute(_CHANGE, {"vgpu": before.id, **values})
    return after
