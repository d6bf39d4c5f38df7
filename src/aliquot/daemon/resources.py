"""What is kept, as the API tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from aliquot.daemon.live import LiveDevice, LiveVgpu
from aliquot.model.api.devices import DeviceResource, PolicyResource
from aliquot.model.api.leases import LeaseResource
from aliquot.model.api.vgpus import PriorityWord, VgpuResource
from aliquot.model.device_record import DeviceRecord
from aliquot.model.lease import Lease
from aliquot.model.telemetry import Telemetry
from aliquot.model.vgpu import VgpuUsage
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.store import View
from aliquot.store.lists import More, more


def vgpu_resources(
    view: View,
    kept: Sequence[VgpuRecord],
    usages: Mapping[str, VgpuUsage],
    live: Mapping[str, LiveVgpu] = MappingProxyType({}),
) -> list[VgpuResource]:
    """vGPUs in the order of their ids, with what else the state knows of them.

    `usages` is what was observed, `live` what was measured.
    """
    if not kept:
        return []
    known = more(view, kept[0].id, kept[-1].id)
    return [_vgpu(vgpu, known, usages.get(vgpu.id), live.get(vgpu.id)) for vgpu in kept]


def _vgpu(
    kept: VgpuRecord, known: More, usage: VgpuUsage | None, live: LiveVgpu | None
) -> VgpuResource:
    spec, shares, status = kept.spec, kept.spec.shares, kept.status
    return VgpuResource(
        id=kept.id,
        name=kept.name,
        tenant=kept.tenant,
        node=kept.node,
        group=kept.group,
        state=kept.state,
        reason=kept.reason,
        reason_code=kept.reason_code,
        wanted=spec.wanted,
        generation=kept.generation,
        settled=kept.settled,
        memory=spec.memory,
        memory_used=usage.memory_used if usage else status.memory_used,
        compute=shares.guarantee / 100,
        compute_limit=shares.limit / 100,
        weight=shares.weight,
        priority=_WORDS[shares.priority],
        copy_limit=spec.copy_limit,
        kernel_limit_ms=spec.kernel_limit_ms,
        mode=spec.mode,
        device=place_of(kept, known.devices.get(kept.id, [])),
        placement=spec.placement,
        apart=spec.apart,
        movable=spec.movable,
        preemptible=spec.preemptible,
        ephemeral=spec.ephemeral,
        profile=spec.profile,
        labels=spec.labels,
        leases=known.leases.get(kept.id, 0),
        queue_position=known.positions.get(kept.id),
        worker_process_id=usage.worker_process_id if usage else status.worker_process_id,
        created_ms=kept.created_ms,
        changed_ms=kept.changed_ms,
        expires_ms=spec.expires_ms,
        deleted_ms=kept.deleted_ms,
        measured=dict(live.values) if live else {},
        reason_lines=kept.reason_lines,
        type=spec.type,
        hardware=status.hardware,
        on=spec.on,
        vm=spec.vm,
        vm_state=status.vm_state,
    )


def place_of(kept: VgpuRecord, devices: Sequence[str]) -> str | None:
    """Where a vGPU is, of the devices with a place for it: there are two while it moves."""
    if kept.status.device in devices:
        return kept.status.device
    return devices[0] if devices else None


def device_resource(
    kept: DeviceRecord,
    index: int,
    vgpus: int,
    telemetry: Telemetry | None,
    live: LiveDevice | None,
) -> DeviceResource:
    """A device. What discovery knows are its facts, less what only the daemon needs."""
    facts: dict[str, Any] = {k: v for k, v in kept.facts.items() if k not in ("offer", "index")}
    return DeviceResource(
        uuid=kept.uuid,
        index=index,
        node=facts.get("node") or kept.node,
        name=kept.name,
        kind=facts.get("kind", ""),
        present=kept.present,
        simulated=kept.simulated,
        remotable=is_remotable(kept),
        memory=kept.memory,
        reserved_memory=kept.reserved_memory,
        free_memory=kept.free_memory,
        reserved_compute=kept.reserved_guarantee / 100,
        vgpus=vgpus,
        policy=policy_resource(kept),
        telemetry=telemetry.as_dict() if telemetry else {},
        facts=facts,
        seen_ms=kept.seen_ms,
        measured=dict(live.values) if live else {},
        priority_mix=kept.settings.get("priority_mix", {}),
    )


def is_remotable(kept: DeviceRecord) -> bool:
    """Whether programs can use the device in the mode remoting (a simulated one: could)."""
    if kept.simulated:
        return any(
            mode.get("mode") == "remoting" and mode.get("can") for mode in kept.facts["modes"]
        )
    return kept.facts.get("offer") is not None


def policy_resource(kept: DeviceRecord) -> PolicyResource:
    """How the device's time is shared out, as its owner set it."""
    set_up = kept.settings.get("policy")
    return PolicyResource(**set_up) if set_up else PolicyResource()


def lease_resource(kept: Lease, vgpu_name: str) -> LeaseResource:
    """A lease."""
    return LeaseResource(
        id=kept.id,
        vgpu=kept.vgpu,
        vgpu_name=vgpu_name,
        tenant=kept.tenant,
        kind=kept.kind,
        process_id=kept.holder.process_id,
        user_id=kept.holder.user_id,
        holder=kept.holder.name,
        enforced=kept.enforced,
        since_ms=kept.since_ms,
        released_ms=kept.released_ms,
        ending=kept.ending,
    )


_WORDS: dict[int, PriorityWord] = {0: "normal", 1: "latency", 2: "batch"}
