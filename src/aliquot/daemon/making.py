"""A vGPU made in the state: what it is to be, its place, or its wait for one."""

from __future__ import annotations

import msgspec

from aliquot.daemon import specs
from aliquot.daemon.caller import Caller
from aliquot.daemon.place import ALL_MEMORY, place
from aliquot.errors import MemoryUnavailable, NoDeviceFits, ShareUnavailable
from aliquot.model.api.vgpus import VgpuWanted
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.store import Change, devices, queue, vgpus

# What may be otherwise later: then it is worth waiting for.
_PASSING = (MemoryUnavailable, ShareUnavailable, NoDeviceFits)


def make(
    change: Change, caller: Caller, tenant: str, wanted: VgpuWanted, *, group: str | None = None
) -> VgpuRecord:
    """Make a pending vGPU with a reservation or, where it may wait, with a place in the queue.

    Raises why it can't be; nothing may be kept of the change then.
    """
    spec = specs.spec_of(change, wanted, change.node)
    try:
        device = place(change, spec, caller, change.node)
    except _PASSING:
        if wanted.wait_ms is None or spec.memory == ALL_MEMORY:
            raise
        device = None
    if spec.memory == ALL_MEMORY:
        assert device is not None
        free = devices.get(change, device).free_memory
        if not free:
            raise MemoryUnavailable("all memory of the device is reserved by other vGPUs")
        spec = msgspec.structs.replace(spec, memory=free)
    kept = vgpus.create(change, wanted.name, tenant, spec, device=device, group=group)
    if device is None and wanted.wait_ms is not None:
        queue.enter(change, kept.id, change.now_ms + wanted.wait_ms)
    return kept
