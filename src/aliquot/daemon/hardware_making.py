"""A vGPU of hardware made in the state, and what a dry run tells of one.

What only software can is refused here, so that nothing is promised that hardware doesn't keep.
"""

from __future__ import annotations

import msgspec

from aliquot import words
from aliquot.daemon import access
from aliquot.daemon.caller import Caller
from aliquot.daemon.choosing import line_of
from aliquot.daemon.hardware_place import Verdict, at, chosen, verdicts
from aliquot.errors import AliquotError, BadSpec, BootDisplayKept, NotInThisMode
from aliquot.model.api.vgpus import Candidate, Plan, VgpuWanted
from aliquot.model.modes import Mode
from aliquot.model.vgpu_record import VgpuRecord, VgpuSpec
from aliquot.model.why import Why
from aliquot.placement.engine.quotas import Quota
from aliquot.store import Change, View, profiles, vgpus
from aliquot.words.refusals import refusal, remedy_lines


def spec_of(view: View, caller: Caller, wanted: VgpuWanted, mode: Mode, node: str) -> VgpuSpec:
    """What is wanted, before a device is found: `memory` is the least that will do, or 0.

    Raises NotInThisMode, BadSpec, NotPermitted, UnknownDevice, AmbiguousDevice, NoSuchEntry.
    """
    if mode is Mode.PASSTHROUGH:
        access.must_be_admin(caller)  # it takes a device from the machine and all who are on it
        if wanted.type is not None:
            raise refusal(BadSpec, Why.MODE_NO_TYPE, mode=mode.value)
    elif wanted.rom is not None or wanted.force:
        raise refusal(BadSpec, Why.ONLY_PASSTHROUGH)
    _refuse_software(wanted, mode)
    profile = profiles.get(view, wanted.profile) if wanted.profile else None
    return VgpuSpec(
        memory=wanted.memory or (profile.memory if profile else 0),
        mode=mode.value,
        device=line_of(view, node, wanted.device).uuid if wanted.device is not None else None,
        placement=wanted.placement,
        profile=wanted.profile,
        labels=wanted.labels,
        expires_ms=None if wanted.ttl_ms is None else view.now_ms + wanted.ttl_ms,
        type=wanted.type,
        rom=wanted.rom,
        force=wanted.force,
    )


def make_of_hardware(
    change: Change, caller: Caller, tenant: str, wanted: VgpuWanted, mode: Mode, left: Quota
) -> VgpuRecord:
    """Make a pending vGPU with a reservation; raises why it can't be.

    `left` is what its tenant may have beside what it has.
    """
    spec = spec_of(change, caller, wanted, mode, change.node)
    found = chosen(verdicts(change, spec, change.node, left), spec)
    return vgpus.create(
        change,
        wanted.name,
        tenant,
        settled_spec(spec, found),
        device=found.device.uuid,
        set_aside=found.set_aside,
    )


def settled_spec(spec: VgpuSpec, found: Verdict) -> VgpuSpec:
    """The spec once its device is known: with the type's name, and what it reserves."""
    return msgspec.structs.replace(
        spec,
        type=found.type.name if found.type is not None else None,
        memory=found.memory,
        shares=spec.shares._replace(guarantee=found.guarantee),
    )


def plan_of_hardware(found: list[Verdict], spec: VgpuSpec) -> tuple[Plan, Verdict | None]:
    """Where it would go and why, or why nowhere; and the device, where the mode is to be asked."""
    looked_at = [
        Candidate(
            device=one.device.uuid,
            device_name=one.device.name,
            fits=one.fits,
            why=words.english(*one.lines),
            lines=one.lines,
            score=round(one.fullness, 4) if one.fits else None,
        )
        for one in found
    ]
    try:
        best = chosen(found, spec)
    except AliquotError as error:
        forcible = isinstance(error, BootDisplayKept)
        nowhere = Plan(
            fits=False,
            device=None,
            why=error.what,
            lines=list(error.lines),
            candidates=looked_at,
            changes=[error.remedy] if forcible else [],
            change_lines=remedy_lines(error) if forcible else [],
            mode=spec.mode,
            type=spec.type,
        )
        return nowhere, None
    line = at(best)
    there = Plan(
        fits=True,
        device=best.device.uuid,
        why=words.english(line),
        lines=[line],
        candidates=looked_at,
        changes=[],
        mode=spec.mode,
        type=best.type.name if best.type is not None else None,
    )
    return there, best


def _refuse_software(wanted: VgpuWanted, mode: Mode) -> None:
    """Raise NotInThisMode for what nobody but a device host can keep."""
    shares = (wanted.compute, wanted.compute_limit, wanted.weight, wanted.priority)
    refused = {
        Why.MODE_NO_SHARES: any(share is not None for share in shares) or wanted.copy_limit > 0,
        Why.MODE_NO_MOVE: wanted.movable,
        Why.MODE_NOT_ON: wanted.on is not None,
        Why.MODE_NO_SUSPEND: wanted.preemptible,
        Why.MODE_NO_WAIT: wanted.wait_ms is not None,
        Why.MODE_NO_PROCESS: wanted.lease is not None or wanted.ephemeral,
    }
    for why, is_asked in refused.items():
        if is_asked:
            raise refusal(NotInThisMode, why, mode=mode.value)
