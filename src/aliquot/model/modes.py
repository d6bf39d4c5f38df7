"""The modes in which a vGPU can be made, and what of them a device can do."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from aliquot.model.line import Line


class Mode(StrEnum):
    """How a vGPU is made; the words of the design."""

    REMOTING = "remoting"
    PASSTHROUGH = "passthrough"
    MDEV = "mdev"
    SRIOV = "sriov"
    MIG = "mig"


class ModeAbility(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a device can do a mode; if not, why in one sentence without a full stop.

    `note` is what one has to know although it can: say, which other function goes along. `lines`
    are whichever of both it is, to be told in any language.
    """

    mode: Mode
    can: bool
    why_not: str | None = None
    note: str | None = None
    lines: tuple[Line, ...] = ()


class PartitionType(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of partition that a device offers: a MIG profile, an mdev type, a vGPU type of a VF.

    `available` is how many more could be made now, `most` how many at most; memory is in bytes.
    None: the source doesn't tell.
    """

    mode: Mode
    id: str
    name: str
    available: int | None = None
    most: int | None = None
    memory: int | None = None
    compute_units: int | None = None


class Partition(msgspec.Struct, frozen=True, kw_only=True):
    """A hardware slice of a device that exists now.

    `id` is a MIG device's UUID, an mdev's UUID, or a virtual function's PCI address; memory is in
    bytes. `start` and `slices` say where a MIG instance lies, in the GPU's memory slices.
    """

    mode: Mode
    id: str
    type: str | None = None
    memory: int | None = None
    driver: str | None = None
    start: int | None = None
    slices: int | None = None
