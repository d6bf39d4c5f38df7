"""What VMs may be called by who asks, and how the devices of a vGPU are called in a VM."""

from __future__ import annotations

import re

from aliquot.errors import BadVmName
from aliquot.model.vm import HypervisorKind
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

LONGEST_NAME = 200
PREFIX = "aliquot-"
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
_DEVICE = re.compile(r"(?:ua-)?aliquot-([0-9a-f]{32})(?:-\d{1,2})?", re.ASCII)


def split(reference: str) -> tuple[HypervisorKind | None, str]:
    """The hypervisor and the name in `HYPERVISOR:NAME` or `NAME`; raises BadVmName.

    Names are compared, and never become part of a command, a path or a pattern; so only what no
    hypervisor allows is refused here.
    """
    head, colon, tail = reference.partition(":")
    kind = HypervisorKind(head) if colon and head in set(HypervisorKind) else None
    name = tail if kind is not None else reference
    if not name.strip() or len(name) > LONGEST_NAME or _CONTROL.search(name):
        raise refusal(BadVmName, Why.VM_NAME, vm=printable(name))
    return kind, name


def device_name(vgpu: str, number: int) -> str:
    """How the `number`th function of a vGPU is called in a VM."""
    return f"{PREFIX}{vgpu}-{number}"


def vgpu_of(device: str) -> str | None:
    """The vGPU to which a device in a VM belongs; None where it is none of ours."""
    found = _DEVICE.fullmatch(device)
    return found[1] if found else None


def printable(text: object) -> str:
    """What a hypervisor or somebody said, short and on one line, for a sentence of ours."""
    words = "".join(c if c.isprintable() else " " for c in str(text)[:2000])
    return " ".join(words.split())[:300] or "-"
