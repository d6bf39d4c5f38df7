"""What can't be done with hardware (ALQ-E750 to ALQ-E769) and with VMs (ALQ-E770 to ALQ-E789)."""

from __future__ import annotations

from aliquot.errors.base import EXIT_PROBLEM, AliquotError


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


class VmError(AliquotError):
    """A virtual machine or its hypervisor can't do what was asked."""


class NoSuchVm(VmError):
    code = "ALQ-E770"
    title = "There is no such VM"
    why = "A vGPU goes to a VM that a hypervisor of this machine knows."
    remedy = "see 'virsh list --all' or 'qm list', or name the socket of QEMU's QMP monitor"


class HypervisorUnreachable(VmError):
    code = "ALQ-E771"
    title = "The hypervisor can't be reached"
    why = "VMs are changed by their hypervisor alone, and it didn't answer; nothing was changed."
    remedy = "see whether it runs, and whether another program holds its monitor"


class HypervisorRefused(VmError):
    code = "ALQ-E772"
    title = "The hypervisor refused"
    why = "The error is the hypervisor's own; its log often says more."
    remedy = "mend what it says, then try again"


class HypervisorMisspoke(VmError):
    code = "ALQ-E773"
    title = "The hypervisor's answer isn't understood"
    why = "What a hypervisor says is checked before it is used, and this isn't what it should be."
    remedy = "see whether it is a hypervisor of a version that docs/vms.md names"


class VmHasVgpu(VmError):
    code = "ALQ-E774"
    title = "A VM has the vGPU already"
    why = "Hardware goes to one VM at a time, also while that VM is off."
    remedy = "detach it first with 'aliquot detach VGPU'"


class NotForVms(VmError):
    code = "ALQ-E775"
    title = "The vGPU is not one that a VM gets as a device"
    why = (
        "A VM gets a PCI function or an mdev: modes passthrough, mdev and sriov. A vGPU of the "
        "mode remoting reaches a Linux guest VM by a guest driver, and there is none for Windows."
    )
    remedy = (
        "create it with --mode passthrough, mdev or sriov; for a Linux guest VM, 'aliquot "
        "vm-stream' offers a vGPU of the mode remoting"
    )


class NotAttached(VmError):
    code = "ALQ-E776"
    title = "No VM has the vGPU"
    why = "Only what was attached can be detached."
    remedy = "'aliquot vgpus' lists the vGPUs, and 'aliquot show VGPU' who has one"


class NoHypervisor(VmError):
    code = "ALQ-E777"
    title = "That hypervisor is not set up here"
    why = "libvirt needs virsh or its Python library, Proxmox VE an address, a token and proxmoxer."
    remedy = "see docs/vms.md for what each hypervisor needs"


class BadVmName(VmError):
    code = "ALQ-E778"
    title = "That can't be the name of a VM"
    why = "A VM is named by its hypervisor's rules, without control characters."
    remedy = "give its name as its hypervisor lists it"


class AmbiguousVm(VmError):
    code = "ALQ-E779"
    title = "The name fits more than one VM"
    why = "It must be clear which VM is changed."
    remedy = "write the hypervisor before the name, as in libvirt:NAME, or give number or socket"


class VmKeepsDevice(VmError):
    code = "ALQ-E780"
    title = "The guest VM doesn't let go of the device"
    why = (
        "A device leaves a running VM when its operating system agrees; one that uses the device, "
        "has not started or lacks hot-plug doesn't."
    )
    remedy = "end what uses it in the guest VM, or shut the VM down"


class BadHypervisorToken(VmError):
    code = "ALQ-E781"
    title = "The hypervisor's API token can't be used"
    why = "It is read from a file that only its owner may read, as USER@REALM!NAME=SECRET."
    remedy = "make a token with 'pveum user token add', put it into the file, and chmod 600 that"


class VmElsewhere(VmError):
    code = "ALQ-E782"
    title = "The VM is on another node"
    why = "A device goes to VMs of the machine that it is in."
    remedy = "migrate the VM to this node, or ask the daemon of the node where it is"


class BadPlane(VmError):
    code = "ALQ-E783"
    title = "The plane can't be as it was asked for"
    why = (
        "The memory that 'aliquot vm-stream' shares with a guest VM is a PCI device's there, so "
        "its size is a power of two, from 1MiB to 1GiB; libvirt finds it in /dev/shm alone."
    )
    remedy = "write a size like 64MiB, and for libvirt a socket in /dev/shm"


class PlaneNotMade(VmError):
    code = "ALQ-E784"
    title = "The plane can't be made"
    why = (
        "The memory that 'aliquot vm-stream' shares with a guest VM is a file beside its socket, "
        "named like it with '.plane' behind. All of it is taken at the start, so that nothing "
        "fails later on; no other file is replaced. The exit status is 1 then."
    )
    remedy = "make room there, or name a socket in another folder"
    exit_status = EXIT_PROBLEM
