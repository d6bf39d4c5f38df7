"""Made-up moments of a node, for tests of its picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from aliquot.devices import verdicts
from aliquot.diagram.scene import Scene
from aliquot.model.api.devices import DeviceResource, PolicyResource
from aliquot.model.api.leases import LeaseResource
from aliquot.model.api.processes import CommandQueueResource, ProcessResource, VgpuProcesses
from aliquot.model.api.vgpus import VgpuResource
from aliquot.model.lease import LeaseKind
from aliquot.model.lifecycle import VgpuState, Wanted
from aliquot.model.modes import Mode
from aliquot.model.vgpu_record import Placement
from aliquot.model.why import Why, because

GIB = 1 << 30


def device(
    number: int, *, node: str = "lab", can: Sequence[Mode] = (Mode.REMOTING,), **more: Any
) -> DeviceResource:
    """A device of 24 GiB; its vGPUs are counted by `scene`."""
    told_of = {mode: verdicts.can(mode) for mode in can}
    modes = msgspec.to_builtins(
        [told_of.get(mode) or verdicts.cannot(mode, because(Why.UNBOUND)) for mode in Mode]
    )
    told: dict[str, Any] = {
        "uuid": f"{number:032x}",
        "index": number,
        "node": node,
        "name": f"GPU {number}",
        "kind": "gpu",
        "present": True,
        "simulated": False,
        "remotable": True,
        "memory": 24 * GIB,
        "reserved_memory": 0,
        "free_memory": 24 * GIB,
        "reserved_compute": 0.0,
        "vgpus": 0,
        "policy": PolicyResource(),
        "telemetry": {},
        "facts": {"architecture": {"name": "Ampere", "id": "8.6"}, "modes": modes},
        "seen_ms": 0,
    }
    return DeviceResource(**(told | more))


def vgpu(number: int, on: DeviceResource | None, /, **more: Any) -> VgpuResource:
    """A vGPU of 2 GiB and 10 %."""
    told: dict[str, Any] = {
        "id": f"{number:032x}",
        "name": f"vgpu-{number}",
        "tenant": "alice",
        "node": "lab",
        "group": None,
        "state": VgpuState.READY,
        "reason": "",
        "reason_code": "",
        "wanted": Wanted.RUNNING,
        "generation": 1,
        "settled": True,
        "memory": 2 * GIB,
        "memory_used": 0,
        "compute": 10.0,
        "compute_limit": 100.0,
        "weight": 1,
        "priority": "normal",
        "copy_limit": 0,
        "kernel_limit_ms": 2000,
        "mode": "remoting",
        "device": on.uuid if on else None,
        "placement": Placement.PACK,
        "apart": None,
        "movable": False,
        "preemptible": False,
        "ephemeral": False,
        "profile": None,
        "labels": {},
        "leases": 0,
        "queue_position": None,
        "worker_process_id": 0,
        "created_ms": 0,
        "changed_ms": 0,
        "expires_ms": None,
        "deleted_ms": None,
    }
    return VgpuResource(**(told | more))


def lease(of: VgpuResource, number: int = 1, **more: Any) -> LeaseResource:
    """A process that uses it."""
    told: dict[str, Any] = {
        "id": f"{number:032x}",
        "vgpu": of.id,
        "vgpu_name": of.name,
        "tenant": of.tenant,
        "kind": LeaseKind.PROCESS,
        "process_id": 4000 + number,
        "user_id": 1000,
        "holder": "train.py",
        "enforced": False,
        "since_ms": 0,
    }
    return LeaseResource(**(told | more))


def command_queue(number: int = 1, **more: Any) -> CommandQueueResource:
    """One in order, with three commands outstanding, and half of its vGPU's time."""
    told: dict[str, Any] = {
        "number": number,
        "in_order": True,
        "outstanding": 3,
        "completed": 1200,
        "device_ns": 4_000_000_000,
        "oldest_ns": 12_500_000,
        "share": 50.0,
    }
    return CommandQueueResource(**(told | more))


def guest_process(
    connection: int, queues: Sequence[CommandQueueResource], **more: Any
) -> ProcessResource:
    """A process with these queues."""
    told: dict[str, Any] = {
        "connection": connection,
        "process_id": 4000 + connection,
        "name": "train.py",
        "memory_lent": 2 << 20,
        "memory_used": 1 << 20,
        "share": sum(queue.share for queue in queues),
        "queues": list(queues),
        "queues_left_out": 0,
    }
    return ProcessResource(**(told | more))


def processes(
    of: VgpuResource, using: Sequence[ProcessResource] | None = None, **more: Any
) -> VgpuProcesses:
    """Who uses a vGPU: one process with two queues, where nothing else is said."""
    if using is None:
        queues = [command_queue(1), command_queue(2, in_order=False, outstanding=0, oldest_ns=0)]
        using = [guest_process(1, queues)]
    told: dict[str, Any] = {
        "vgpu": of.id,
        "vgpu_name": of.name,
        "at_ms": 1_800_000_000_000,
        "queues_told": "told",
        "processes": list(using),
    }
    return VgpuProcesses(**(told | more))


def scene(
    devices: Sequence[DeviceResource],
    vgpus: Sequence[VgpuResource],
    leases: Sequence[LeaseResource] = (),
    **more: Any,
) -> Scene:
    """A moment of these, in which the devices know how much of them is given away."""
    counted: list[DeviceResource] = []
    for one in devices:
        on_it = [vgpu for vgpu in vgpus if vgpu.device == one.uuid]
        counted.append(
            msgspec.structs.replace(
                one,
                vgpus=one.vgpus + len(on_it),
                reserved_memory=one.reserved_memory + sum(vgpu.memory for vgpu in on_it),
                reserved_compute=one.reserved_compute + sum(vgpu.compute for vgpu in on_it),
            )
        )
    held: dict[str, list[LeaseResource]] = {}
    for one in leases:
        held.setdefault(one.vgpu, []).append(one)
    return Scene("lab", 1_800_000_000_000, 7, counted, list(vgpus), held, **more)
