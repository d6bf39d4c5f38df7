"""What can't be done with virtual machines and their hypervisors (ALQ-E770 to ALQ-E789)."""

from __future__ import annotations

from aliquot.errors.base import AliquotError


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
    remedy = "create it with --mode passthrough, mdev or sriov"


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
