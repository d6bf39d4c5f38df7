"""vGPUs in virtual machines, as the API takes and tells them."""

from __future__ import annotations

from typing import Annotated

import msgspec

from aliquot.model.api.common import Request
from aliquot.model.api.vgpus import VgpuResource
from aliquot.model.vm import HypervisorKind

VmReference = Annotated[str, msgspec.Meta(min_length=1, max_length=220)]


class AttachWanted(Request, frozen=True, kw_only=True):
    """To which VM: `NAME` or `HYPERVISOR:NAME`; None is one that is started by hand.

    `lasting` writes the vGPU into the VM's configuration as well, for its next starts.
    """

    vm: VmReference | None = None
    lasting: bool = False


class AttachedResource(msgspec.Struct, frozen=True, kw_only=True):
    """The vGPU afterwards; whether its VM has it `now`, or gets it when it starts.

    `arguments` are for QEMU's command line, where the VM is started by hand.
    """

    vgpu: VgpuResource
    now: bool
    arguments: list[str] = []


class VmTold(Request, frozen=True, kw_only=True):
    """What a hypervisor's hook tells: which VM it is about."""

    hypervisor: HypervisorKind
    vm: VmReference


class VmVgpus(msgspec.Struct, frozen=True, kw_only=True):
    """The names of a VM's vGPUs that were readied, or taken back."""

    vgpus: list[str]
