"""What every hypervisor can be asked."""

from __future__ import annotations

from typing import Protocol

from aliquot.model.hardware import Attachment
from aliquot.model.vm import Attached, HypervisorKind, Vm, VmState


class Hypervisor(Protocol):
    """What runs VMs. All calls raise VmErrors; one that raises has changed nothing.

    A vGPU is named by its id, 32 hexadecimal digits, as `vgpu_id` makes it of an attachment.
    """

    @property
    def kind(self) -> HypervisorKind:
        """Which one it is."""
        ...

    @property
    def makes_mdevs(self) -> bool:
        """Whether it makes an mdev itself when the VM starts, so that its place must be free."""
        ...

    def find(self, name: str) -> Vm:
        """The VM of a name or an id; raises NoSuchVm, AmbiguousVm, NoHypervisor."""
        ...

    def state(self, vm: str) -> VmState:
        """What the VM of an id does now; GONE where it isn't there any more."""
        ...

    def changed(self, vm: str, seen: VmState, seconds: float) -> VmState:
        """Its state as soon as that isn't `seen`, at the latest after so many seconds."""
        ...

    def attach(self, vm: Vm, attachment: Attachment, *, lasting: bool) -> Attached:
        """Give it to the VM: to one that runs at once, where the hypervisor can.

        `lasting` writes it into the VM's own configuration, too. Returns what the VM has then.
        Again, for the same: what it has.
        """
        ...

    def detach(self, vm: Vm, vgpu: str) -> None:
        """Take a vGPU from the VM and its configuration; raises VmKeepsDevice.

        Nothing where the VM doesn't have it.
        """
        ...

    def attached(self, vm: Vm) -> Attached:
        """Which vGPUs it has."""
        ...

    def close(self) -> None:
        """Let go of connections; VMs and what they have stay."""
        ...


def vgpu_id(attachment: Attachment) -> str:
    """The id of an attachment's vGPU, which a mode may know as a UUID with hyphens."""
    return attachment.vgpu.replace("-", "").lower()
