"""What is wanted of hardware, what a mode made of it, and how that reaches a consumer."""

from __future__ import annotations

import msgspec

from aliquot.model.line import Line
from aliquot.model.modes import Mode, ModeAbility, PartitionType


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A vGPU that is to be made in some mode.

    `vgpu` is its UUID, `device` what the mode cuts or hands over: a PCI address, the name of an
    mdev's parent, or for remoting a device's UUID. `type` is an id or name of PartitionType; else
    the smallest of at least `memory` bytes is taken. `rom`: a file to show in place of the card's.
    `force` is needed, and used, for the boot display alone. `function` is the virtual function that
    it had, where it is made again: taken before others if it is free.
    """

    vgpu: str
    device: str
    name: str = ""
    type: str | None = None
    memory: int | None = None
    rom: str | None = None
    force: bool = False
    function: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What would be made, told in steps; `notes` warn, `leaves` is how many more would still fit.

    `target` is what would become the vGPU's: a function, a type on a function, a placement.
    """

    mode: Mode
    target: str
    type: str | None = None
    memory: int | None = None
    steps: tuple[Line, ...] = ()
    notes: tuple[Line, ...] = ()
    leaves: dict[str, int] = {}


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What a mode has made for a vGPU, as it was made; memory in bytes.

    `id` is a function's PCI address, the UUID of an mdev or of a MIG device, or the vGPU's own.
    """

    mode: Mode
    vgpu: str
    device: str
    id: str
    type: str | None = None
    memory: int | None = None
    attached: bool = False


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """What a consumer needs to use a vGPU; it is the consumer's until it is detached.

    `functions` go to a virtual machine together, the display first; `path` is an mdev in sysfs;
    `files` are the device files that the consumer opens; `environment` is for programs.
    """

    mode: Mode
    vgpu: str
    functions: tuple[str, ...] = ()
    path: str | None = None
    files: tuple[str, ...] = ()
    rom: str | None = None
    environment: dict[str, str] = {}


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a mode can do with a device: whether at all, of which types, and whether resized."""

    ability: ModeAbility
    types: tuple[PartitionType, ...] = ()
    resizable: bool = False
