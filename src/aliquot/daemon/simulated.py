"""The vGPUs that an inventory puts on its simulated devices: in the state, and nowhere else."""

from __future__ import annotations

import logging

from aliquot.model.lifecycle import VgpuState
from aliquot.model.physical_device import PhysicalDevice, SimulatedVgpu
from aliquot.model.vgpu_record import VgpuSpec, VgpuStatus
from aliquot.store import Change, devices, lifecycle, reservations, vgpus

TENANT = "simulated"  # whose they are where the file doesn't say
_log = logging.getLogger(__name__)


def simulate(change: Change, device: str, seen: PhysicalDevice) -> None:
    """Make those of a device that aren't there yet; one that its tenant changed stays so."""
    for wanted in seen.vgpus:
        tenant = wanted.tenant or TENANT
        name = _name(wanted, seen, change, tenant, device)
        if name is not None:
            _make(change, device, wanted, name, tenant)


def _make(change: Change, device: str, wanted: SimulatedVgpu, name: str, tenant: str) -> None:
    spec = VgpuSpec(
        memory=wanted.memory, shares=wanted.shares, mode=wanted.mode.value, device=device
    )
    there = devices.get(change, device)
    if wanted.memory > there.free_memory or wanted.shares.guarantee > there.free_guarantee:
        _log.warning("the inventory's vGPU %s has no room: others have its place by now", name)
        return
    kept = vgpus.create(change, name, tenant, spec, device=device)
    status = VgpuStatus(observed_generation=kept.generation, device=device)
    lifecycle.observe(change, kept.id, status)
    lifecycle.transition(change, kept.id, VgpuState.READY)


def _name(
    wanted: SimulatedVgpu, seen: PhysicalDevice, change: Change, tenant: str, device: str
) -> str | None:
    """Its name or, where that is taken on another device, one with the device's; None: it is there.

    Devices that are made alike have vGPUs of the same names.
    """
    for name in (wanted.name, f"{wanted.name[:40]}.{seen.uuid[-12:]}"):
        found = vgpus.found(change, name, tenant)
        if found is None:
            return name
        if any(place.device == device for place in reservations.of_vgpu(change, found.id)):
            return None
    return None
