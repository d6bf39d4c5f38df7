"""What device hosts and discovery would tell, made up, for tests that need neither."""

from __future__ import annotations

from typing import Any

from aliquot.devices.listing import Entry
from aliquot.model.physical_device import PhysicalDevice
from aliquot.model.shares import Shares, Turns
from aliquot.model.vgpu import Holder, VgpuUsage

DEVICE = "11111111-0000-0000-0000-000000000001"
SECOND = 1_000_000_000
MIB = 1 << 20


def usage(
    number: int = 1,
    *,
    at: float = 0,
    held: float = 0,
    waited: float = 0,
    guarantee: int = 25,
    leased: bool = True,
    **fields: Any,
) -> VgpuUsage:
    """A vGPU at a moment; times in seconds, the guarantee in percent."""
    told: dict[str, Any] = {
        "id": number,
        "name": f"vgpu-{number}",
        "device_uuid": DEVICE,
        "memory_limit": 1024 * MIB,
        "memory_lent": 0,
        "memory_used": 256 * MIB,
        "witnessed_memory": 0,
        "worker_cpu_ns": 0,
        "kernels": 0,
        "copied_bytes": 0,
        "guest_processes": int(leased),
        "worker_process_id": 4711,
        "owner_uid": 1000,
        "protections": 0,
        "flags": 0,
        "kernel_limit_ms": 2000,
        "turns": Turns(
            Shares(guarantee=guarantee * 100),
            held_ns=int(held * SECOND),
            waited_ns=int(waited * SECOND),
            at_ns=int(at * SECOND),
        ),
        "holders": (Holder(1, 4712, True, 0),) if leased else (),
    }
    return VgpuUsage(**(told | fields))


def device(uuid: str = DEVICE, kind: str = "software", **fields: Any) -> Entry:
    """A device as discovery lists it; its vGPUs are told of by this UUID, too."""
    told: dict[str, Any] = {
        "uuid": uuid,
        "sources": ("opencl",),
        "name": "Made-up CPU",
        "kind": kind,
        "memory": 8 << 30,
        "offers": (),
    }
    return Entry(PhysicalDevice(**(told | fields)), None)
