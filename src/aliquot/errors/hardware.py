"""What can't be done with hardware, by whatever mode (ALQ-E750 to ALQ-E769)."""

from __future__ import annotations

from aliquot.errors.base import AliquotError


class HardwareError(AliquotError):
    """A mode that cuts a device or hands it over can't do what was asked."""


class ModeUnavailable(HardwareError):
    code = "ALQ-E751"
    title = "The device can't do the mode"
    why = (
        "A mode needs a device, a driver and a machine that can do it: an IOMMU for passthrough, "
        "a vendor's host driver for mdev and SR-IOV, MIG that is switched on."
    )
    remedy = "'aliquot doctor' tells what each mode lacks and the lines that mend it"


class FunctionTaken(HardwareError):
    code = "ALQ-E752"
    title = "Another vGPU has it"
    why = (
        "A PCI function goes to one vGPU at a time, and a device that is handed over whole has no "
        "partitions beside that."
    )
    remedy = "delete the vGPU that has it, or choose another device"


class DeviceInUse(HardwareError):
    code = "ALQ-E753"
    title = "The device is in use"
    why = (
        "Taking a device from a display server, a program or a virtual machine would end it, or "
        "make the kernel wait for it without end; so that is never done."
    )
    remedy = "end what uses it, or choose another device"


class BootDisplayKept(HardwareError):
    code = "ALQ-E754"
    title = "It is the display that the machine started with"
    why = (
        "Without it the machine's console is dark, and who has no other way in can't take it back."
    )
    remedy = "make sure of another way into the machine, then say --force"


class ModuleMissing(HardwareError):
    code = "ALQ-E755"
    title = "A kernel module is missing"
    why = "Devices go to virtual machines by the kernel's VFIO modules, which must be loaded."
    remedy = "load it with modprobe, and name it in /etc/modules-load.d/ for the next start"


class HardwareNotPermitted(HardwareError):
    code = "ALQ-E756"
    title = "The kernel doesn't let this user change hardware"
    why = "Only root may bind drivers and make partitions, and a container may take that away."
    remedy = "have root's daemon do it, outside of containers"


class PartitionExists(HardwareError):
    code = "ALQ-E757"
    title = "There is a partition with that UUID"
    why = "The UUID of an mdev is unique on a machine, and this one was made by somebody else."
    remedy = "remove the other one, or create the vGPU anew, which gives it another UUID"


class NoRoomForPartition(HardwareError):
    code = "ALQ-E758"
    title = "No more partitions of that type fit"
    why = (
        "Partitions lie beside each other in the device's memory, only at places that the hardware "
        "has; and many drivers want all of one type on a device."
    )
    remedy = (
        "choose a smaller type, or delete a partition; 'aliquot devices DEVICE' tells what fits"
    )


class NoSuchPartitionType(HardwareError):
    code = "ALQ-E759"
    title = "There is no such type of partition"
    why = "What types there are is decided by the device, its driver and its licence."
    remedy = "'aliquot devices DEVICE' lists the types that it offers"


class HardwareGone(HardwareError):
    code = "ALQ-E760"
    title = "The device is gone"
    why = "It was unplugged, its driver was unloaded, or it fell off the bus."
    remedy = "delete the vGPU, or put the device back; 'aliquot devices' tells what is there"


class HardwareChanged(HardwareError):
    code = "ALQ-E761"
    title = "The hardware isn't as it was left"
    why = (
        "Somebody else changed it: the number of virtual functions, the driver of a function, or a "
        "partition. What they made of it is not ours to undo."
    )
    remedy = "delete the vGPU and create it anew"


class KernelRefused(HardwareError):
    code = "ALQ-E762"
    title = "The kernel or driver refused"
    why = "The error is the kernel's or driver's own; its log often says more."
    remedy = "see the end of 'dmesg'"


class NotResizable(HardwareError):
    code = "ALQ-E763"
    title = "The hardware can't change its size"
    why = "Hardware cuts a partition once; only vGPUs in the mode remoting are resized in use."
    remedy = "delete it and create it with another type"


class HardwareBusy(HardwareError):
    code = "ALQ-E764"
    title = "Another change of the hardware is under way"
    why = "Changes are made one at a time, so that each sees what the one before it left."
    remedy = "try again in a moment"


class BadRomFile(HardwareError):
    code = "ALQ-E765"
    title = "The ROM file can't be used"
    why = "A card's ROM begins with the bytes 55 AA and can be read by who runs the machine."
    remedy = "name a file that was dumped from such a card, or leave it out"


class NotMade(HardwareError):
    code = "ALQ-E766"
    title = "Nothing was made for that vGPU in this mode"
    why = "The mode has no record of it: it was never made, or has been deleted since."
    remedy = "'aliquot vgpus' lists the vGPUs"
