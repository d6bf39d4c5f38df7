"""A vGPU made in the state: what it is to be, its place, or its wait for one."""

from __future__ import annotations

import msgspec

from aliquot.daemon import specs
from aliquot.daemon.place import find
from aliquot.daemon.processes import Process
from aliquot.daemon.queue import enter
from aliquot.daemon.views import demand
from aliquot.errors import MemoryUnavailable, NoDeviceFits, ShareUnavailable
from aliquot.model.api.vgpus import VgpuWanted
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.placement.engine.quotas import Quota
from aliquot.store import Change, vgpus

# What may be otherwise later: then it is worth waiting for.
PASSING = (MemoryUnavailable, ShareUnavailable, NoDeviceFits)


def make(
    change: Change,
    tenant: str,
    wanted: VgpuWanted,
    asker: Process | None,
    left: Quota,
    on: specs.Carrier | None = None,
) -> VgpuRecord:
    """Make a pending vGPU with a reservation or, where it may wait, with a place in the queue.

    `left` is what its tenant may have beside what it has; `on` the vGPU on whose partition it is.
    An ephemeral one waits no longer than
    `asker` lives, the process that is to lease it.
    Raises why it can't be; nothing may be kept of the change then.
    """
    spec = specs.on_partition(specs.spec_of(change, wanted, change.node), on)
    try:
        asked = msgspec.structs.replace(demand(spec, tenant), quota=left)
        found = find(change, asked, change.node)
    except PASSING:
        if wanted.wait_ms is None:
            raise
        if spec.ephemeral and asker is not None:
            spec = msgspec.structs.replace(spec, asker=(asker.id, asker.started))
        kept = vgpus.create(change, wanted.name, tenant, spec)
        enter(change, kept, wanted.wait_ms)
        return kept
    spec = msgspec.structs.replace(spec, memory=found.memory)
    return vgpus.create(change, wanted.name, tenant, spec, device=found.device.uuid)
