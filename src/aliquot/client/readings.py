"""What the records of a device host tell, as our own types; raises BadRecord for nonsense."""

from __future__ import annotations

from typing import Any

from aliquot.client import records
from aliquot.client.records import Kind, Record
from aliquot.errors import BadRecord
from aliquot.model.copies import Copies
from aliquot.model.details import UnsplitKernel, UnsplitReason
from aliquot.model.shares import Policy, PolicyKind, PriorityClass, Shares, Turns
from aliquot.model.vgpu import Holder, VgpuState, VgpuUsage


def usage_of(told: records.VgpuStatus, device_uuid: str) -> VgpuUsage:
    """A vGPU, without what is told of it in further records."""
    fields = told._asdict()
    external_id = fields.pop("id_high") << 64 | fields.pop("id_low")
    del fields["leases"]  # they are told one by one
    try:
        state = VgpuState(fields.pop("state"))
    except ValueError:
        raise BadRecord(f"the device host told of state {told.state}") from None
    return VgpuUsage(
        id=fields.pop("vgpu"),
        name=records.text_of(fields.pop("name")),
        device_uuid=device_uuid,
        external_id=external_id,
        state=state,
        **fields,
    )


def with_more(last: VgpuUsage | None, record: Record) -> VgpuUsage:
    """The vGPU that was told of last, with what is told in addition."""
    more: dict[str, Any]
    if record.kind == Kind.VGPU_TURNS:
        turns = records.payload_of(record, records.VgpuTurns)
        vgpu, more = turns.vgpu, {"turns": turns_of(turns)}
    elif record.kind == Kind.VGPU_LEASE:
        told = records.payload_of(record, records.VgpuLease)
        holder = Holder(told.lease, told.process_id, bool(told.by_process), told.since_ns)
        vgpu, more = told.vgpu, {"holders": (*(last.holders if last else ()), holder)}
    else:
        copies = records.payload_of(record, records.VgpuCopies)
        vgpu, more = copies.vgpu, {"copies": Copies(*copies[1:])}
    if last is None or last.id != vgpu:
        raise BadRecord(
            "the device host told of turns, copies or leases before it told of their vGPU"
        )
    return last._replace(**more)


def kernel_of(told: records.VgpuKernel) -> UnsplitKernel:
    """A kernel that couldn't be launched in pieces, and why."""
    try:
        reason = UnsplitReason(told.reason)
    except ValueError:
        raise BadRecord(f"the device host told of reason {told.reason} of a kernel") from None
    return UnsplitKernel(records.text_of(told.name), told.longest_ns, reason)


def policy_of(told: records.Policy) -> Policy:
    """How the device's time is shared out."""
    try:
        return Policy(PolicyKind(told.kind), told.turn_ns, told.averaging)
    except ValueError:
        raise BadRecord(f"the device host told of policy {told.kind}") from None


def turns_of(told: records.VgpuTurns) -> Turns:
    """What a vGPU has had of its device's time."""
    given = told.shares
    try:
        priority = PriorityClass(given.priority)
    except ValueError:
        raise BadRecord(f"the device host told of priority class {given.priority}") from None
    shares = Shares(given.guarantee, given.limit, given.weight, priority)
    return Turns(shares, *told[2:])
