"""What the state keeps of a vGPU and its VM: to which it belongs, and the lease while that runs."""

from __future__ import annotations

from typing import Any

import msgspec

from aliquot.daemon.core import Core
from aliquot.daemon.hardware_steps import carried_by
from aliquot.errors import (
    IllegalTransition,
    NotForVms,
    SimulatedDevice,
    VmHasVgpu,
)
from aliquot.model.device_record import DeviceRecord
from aliquot.model.lease import Holder, Lease, LeaseKind
from aliquot.model.lifecycle import LEASABLE, Wanted
from aliquot.model.modes import Mode
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.model.vm import HypervisorKind, VmBinding
from aliquot.model.why import Why
from aliquot.modes.hybrid import refuse_carrier
from aliquot.store import View, devices, leases, lifecycle, reservations, vgpus
from aliquot.store.change import SYSTEM
from aliquot.words.refusals import refusal

_DEVICES_FOR_VMS = frozenset({Mode.PASSTHROUGH, Mode.MDEV, Mode.SRIOV})


class Bindings:
    """Writes each change as one, so that a death leaves either what was or what is."""

    def __init__(self, core: Core) -> None:
        """Write to this state."""
        self._core = core

    def of_vm(self, kind: HypervisorKind, vm: str) -> list[VgpuRecord]:
        """The vGPUs that belong to a VM."""
        return [
            kept
            for kept in self.all()
            if (bound := kept.spec.vm) and (bound.hypervisor, bound.id) == (kind, vm)
        ]

    def all(self) -> list[VgpuRecord]:
        """The vGPUs that belong to some VM, the oldest first."""
        with self._core.store.look() as view:
            placed = vgpus.placed(view, self._core.node)
        found = {kept.id: kept for listed in placed.values() for kept in listed}
        return [kept for _, kept in sorted(found.items()) if kept.spec.vm is not None]

    def get(self, vgpu: str) -> VgpuRecord:
        """A vGPU as it is kept now."""
        with self._core.store.look() as view:
            return vgpus.get(view, vgpu)

    def device_of(self, view: View, kept: VgpuRecord) -> DeviceRecord | None:
        """The device that it has its place on."""
        held = reservations.of_vgpu(view, kept.id)
        return devices.get(view, held[0].device) if held else None

    def must_be_device(self, kept: VgpuRecord) -> None:
        """Raise NotForVms where its mode gives a VM no device."""
        if Mode(kept.spec.mode) not in _DEVICES_FOR_VMS:
            raise refusal(NotForVms, Why.VM_NO_DEVICE, vgpu=kept.name, mode=kept.spec.mode)

    def must_be_for_vms(self, kept: VgpuRecord) -> None:
        """Raise NotForVms, SimulatedDevice, IllegalTransition where no VM could get it."""
        self.must_be_device(kept)
        with self._core.store.look() as view:
            device = self.device_of(view, kept)
            held = leases.listed(view, vgpu=kept.id)
        if device is not None and device.simulated:
            raise SimulatedDevice(f"vGPU {kept.name!r} is on the simulated device {device.name!r}")
        if kept.spec.wanted is Wanted.DELETED:
            raise refusal(IllegalTransition, Why.DELETED, vgpu=kept.name)
        if kept.state not in LEASABLE:
            why = f": {kept.reason}" if kept.reason else ""
            raise IllegalTransition(f"vGPU {kept.name!r} is {kept.state} and can't be used{why}")
        if kept.spec.vm is not None:
            raise refusal(VmHasVgpu, Why.VM_HAS, vgpu=kept.name, vm=kept.spec.vm.word)
        if held:
            raise refusal(IllegalTransition, Why.VGPU_LEASED, vgpu=kept.name, count=len(held))

    def bind(self, actor: str, vgpu: str, binding: VmBinding | None, **observed: Any) -> VgpuRecord:
        """Let it belong to a VM, or to none; nothing about its hardware changes by that.

        Raises DeviceInUse where software vGPUs are on what a VM is to have.
        """
        with self._core.store.change(actor) as change:
            before = vgpus.get(change, vgpu)
            if binding is not None:
                refuse_carrier(before.name, carried_by(change, before))
            after = lifecycle.want(change, vgpu, lifecycle.with_wanted(before.spec, vm=binding))
            settled = {"observed_generation": after.generation} if before.settled else {}
            status = msgspec.structs.replace(after.status, **settled, **observed)
            return lifecycle.observe(change, vgpu, status)

    def observe(self, kept: VgpuRecord, **observed: Any) -> VgpuRecord:
        """Keep what was seen of its VM."""
        status = msgspec.structs.replace(kept.status, **observed)
        if status == kept.status:
            return kept
        with self._core.store.change(SYSTEM) as change:
            now = vgpus.get(change, kept.id)
            return lifecycle.observe(
                change, kept.id, msgspec.structs.replace(now.status, **observed)
            )

    def lease(self, actor: str, kept: VgpuRecord, process_id: int = 0) -> None:
        """Begin its VM's lease, unless there is one. The IOMMU keeps the VM from all else."""
        binding = kept.spec.vm
        if binding is None or self._leases(kept.id):
            return
        holder = Holder(process_id=process_id, name=binding.word)
        with self._core.store.change(actor) as change:
            leases.begin(change, kept.id, kept.tenant, LeaseKind.VM, holder, enforced=True)

    def release(self, actor: str, vgpu: str, ending: str) -> None:
        """End its VM's lease, if there is one."""
        for lease in self._leases(vgpu):
            with self._core.store.change(actor) as change:
                leases.release(change, lease.id, ending)

    def _leases(self, vgpu: str) -> list[Lease]:
        with self._core.store.look() as view:
            held = leases.listed(view, vgpu=vgpu)
        return [lease for lease in held if lease.kind is LeaseKind.VM]
