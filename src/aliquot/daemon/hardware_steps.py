"""A vGPU of hardware is brought to be there, or made to be gone. Each may be done again.

What is gone is made anew once its device is back: an mdev, a MIG instance and a virtual function
don't come back by themselves. What somebody else has changed is theirs: the vGPU has failed until
it is as it was, or is deleted.
"""

from __future__ import annotations

from contextlib import suppress

import msgspec

from aliquot.daemon.core import Core
from aliquot.daemon.hardware import is_hardware
from aliquot.daemon.hardware_place import address_of
from aliquot.errors import AliquotError, FunctionTaken, HardwareChanged, HardwareGone, NotMade
from aliquot.model.device_record import DeviceRecord
from aliquot.model.hardware import Made
from aliquot.model.modes import Mode
from aliquot.model.vgpu_record import VgpuRecord, VgpuStatus
from aliquot.model.why import Why
from aliquot.modes.hybrid import refuse_carrier
from aliquot.store import View, leases, vgpus
from aliquot.store.change import SYSTEM
from aliquot.words.refusals import refusal


def make_of_hardware(core: Core, kept: VgpuRecord, device: DeviceRecord) -> VgpuStatus:
    """Have its mode make it, or find that it is there; raises HardwareErrors where it isn't."""
    hardware = core.hardware
    error = hardware.verify(kept.id)
    if isinstance(error, (HardwareGone, NotMade)):
        hardware.delete(kept.id)  # nothing of it is left but what the journal says
        _end_leases(core, kept, error.what)
    elif isinstance(error, HardwareChanged):
        with core.store.look() as view:
            leased = bool(leases.listed(view, vgpu=kept.id))
        if not leased:  # what was only handed over can be taken back, and what was taken away
            with suppress(AliquotError):
                hardware.release(kept.id)
                hardware.restore(kept.id)
            error = hardware.verify(kept.id)
        if error is not None:
            raise error
    elif error is not None:
        raise error
    made = hardware.create(kept, address_of(device))
    had = kept.status.hardware
    if kept.spec.vm is not None and had not in ("", made.id):
        hardware.delete(kept.id)  # the VM would start with what is another's by now
        raise refusal(FunctionTaken, Why.VM_KNOWS, address=had)
    return msgspec.structs.replace(kept.status, device=device.uuid, hardware=made.id)


def delete_hardware(core: Core, kept: VgpuRecord, places: list[DeviceRecord]) -> None:
    """Give the hardware back; raises DeviceInUse where it is used, or carries vGPUs."""
    must_carry_none(core, kept)
    if not any(device.simulated for device in places):
        core.hardware.delete(kept.id)


def must_carry_none(core: Core, kept: VgpuRecord) -> None:
    """Raise DeviceInUse where software vGPUs are on a partition that is to be taken from them."""
    with core.store.look() as view:
        carried = carried_by(view, kept)
    refuse_carrier(kept.name, carried)


def carried_by(view: View, carrier: VgpuRecord) -> list[Made]:
    """The software vGPUs on a partition, by their names."""
    return [
        Made(mode=Mode.REMOTING, vgpu=kept.name, device=carrier.name, id=kept.id)
        for kept in vgpus.listed(view, vgpus.Filter(node=carrier.node))
        if kept.spec.on == carrier.id
    ]


def _end_leases(core: Core, kept: VgpuRecord, why: str) -> None:
    """Who had it has it no more."""
    with core.store.look() as view:
        held = leases.listed(view, vgpu=kept.id)
    if held and is_hardware(kept.spec):
        with core.store.change(SYSTEM) as change:
            for lease in held:
                leases.release(change, lease.id, f"its hardware was lost: {why}")
