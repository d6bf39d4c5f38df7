"""A vGPU as QEMU's devices: for `device_add`, and as arguments for who starts QEMU by hand.

Properties as `qemu-system-x86_64 -device vfio-pci,help` lists them.
"""

from __future__ import annotations

from aliquot.errors import NotForVms
from aliquot.leases.vm.interface import vgpu_id
from aliquot.leases.vm.naming import device_name
from aliquot.model.hardware import Attachment
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

Properties = dict[str, str | bool]


def must_be_device(attachment: Attachment) -> None:
    """Raise NotForVms where there is nothing that a VM could be given."""
    if not attachment.functions and attachment.path is None:
        raise refusal(NotForVms, Why.VM_NO_DEVICE, vgpu=attachment.vgpu, mode=attachment.mode.value)


def devices(attachment: Attachment, bus: str | None = None) -> list[Properties]:
    """The devices of a vGPU, the display first.

    On a PCI Express port, `bus`, several functions become those of one card, as they are in the
    machine; without one each gets a place of its own.
    """
    must_be_device(attachment)
    vgpu = vgpu_id(attachment)
    if attachment.path is not None:
        # An mdev that is a display shows it by VFIO only where QEMU has a window for it.
        where: Properties = {"bus": bus} if bus else {}
        return [_device(vgpu, 0) | {"sysfsdev": attachment.path} | where]
    several = len(attachment.functions) > 1
    found: list[Properties] = []
    for number, address in enumerate(attachment.functions):
        one = _device(vgpu, number) | {"host": address}
        if bus:
            one |= {"bus": bus, "addr": f"0.{number:x}"}
            if several and number == 0:
                one["multifunction"] = True
        if number == 0 and attachment.rom is not None:
            one["romfile"] = attachment.rom
        found.append(one)
    return found


def arguments(attachment: Attachment) -> list[str]:
    """What to add to the command line of a QEMU, word by word."""
    words: list[str] = []
    for one in devices(attachment):
        told = ",".join(f"{key}={_value(value)}" for key, value in one.items() if key != "driver")
        words += ["-device", f"{one['driver']},{told}"]
    return words


def _device(vgpu: str, number: int) -> Properties:
    return {"driver": "vfio-pci", "id": device_name(vgpu, number)}


def _value(value: str | bool) -> str:
    """A value in QEMU's option syntax, in which a comma is written twice."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return value.replace(",", ",,")
