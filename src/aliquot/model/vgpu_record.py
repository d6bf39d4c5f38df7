"""A vGPU that lives on: what is wanted of it, and what was last observed.

`vgpu.py` is what a device host tells of a vGPU; this is what is kept of one. Structs of msgspec:
they are JSON in the store and in the API, and `aliquot run` imports none of it.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

import msgspec

from aliquot.model.lifecycle import VgpuState, Wanted
from aliquot.model.line import Line
from aliquot.model.shares import Shares
from aliquot.model.vgpu import MODE_REMOTING
from aliquot.model.vm import VmBinding, VmState

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
LABEL_KEY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?", re.ASCII)
LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?", re.ASCII)
MOST_LABELS = 64


class Placement(StrEnum):
    """Which of several fitting devices is taken: the fullest or the emptiest."""

    PACK = "pack"
    SPREAD = "spread"


class VgpuSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wanted: the owner's word. Every change of it raises the vGPU's generation.

    Memory is 0 only of a vGPU made of hardware of which nobody tells how much it has. A field that
    comes later gets a default, so that older states can be read.
    """

    memory: int
    shares: Shares = Shares()
    copy_limit: int = 0
    kernel_limit_ms: int = 0
    mode: str = MODE_REMOTING
    wanted: Wanted = Wanted.RUNNING
    release: bool = False  # while suspended: give up the reservation, too
    movable: bool = False
    device: str | None = None  # the UUID of the only device that will do
    placement: Placement = Placement.PACK
    apart: str | None = None  # a label: not on a device with a vGPU of the same value of it
    profile: str | None = None
    labels: dict[str, str] = {}
    expires_ms: int | None = None
    preemptible: bool = False  # of class batch: may be suspended where a guarantee needs its place
    preempted: bool = False  # suspended for a higher class, not by its owner: goes on when it can
    own_device: bool = False  # on no device with another vGPU of its group
    ephemeral: bool = False  # ends with its last lease
    # Of an ephemeral one that waits: the process that is to lease it, and when that began.
    asker: tuple[int, int] | None = None
    adopted: bool = False  # made by `aliquot run` without the daemon: its device host ends it
    flags: int = 0  # of its device host: staged, strict-sync, no-split
    device_type: int = 0  # cl_device_type that programs are told; 0 leaves the driver's own
    type: str | None = None  # of the partition that it is made of: its id, or a name yet unknown
    rom: str | None = None  # the file to show in place of the card's ROM
    force: bool = False  # hand over the boot display, too
    on: str | None = None  # the id of the vGPU on whose partition it is
    vm: VmBinding | None = None  # the VM that it belongs to, whether that runs or not


class Asked(NamedTuple):
    """What was wanted of a vGPU from a time on: milliseconds since 1970."""

    since_ms: int
    spec: VgpuSpec


class VgpuStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was observed: the reconciler's word."""

    observed_generation: int = 0
    device: str | None = None
    number: int = 0  # by which its device host knows it
    worker_process_id: int = 0
    worker_started_ms: int = 0
    socket_path: str = ""
    protections: int = 0
    memory_used: int = 0
    hardware: str = ""  # what it is made of: a PCI address, or the UUID of an mdev or MIG device
    vm_state: VmState | None = None  # what its VM did when that was looked at last
    at_rest: bool = False  # the host has its hardware until a hook tells that its VM starts
    lent: bool = False  # its place is free for the hypervisor, which makes the partition itself


class VgpuRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A vGPU as it is kept. Times are milliseconds since 1970, UTC."""

    id: str
    name: str
    tenant: str
    node: str
    group: str | None
    state: VgpuState
    reason: str  # why it is failed or pending; empty where there is nothing to say
    reason_code: str  # the code of the error that this is, for programs
    failed_from: VgpuState | None  # where it was before it failed
    generation: int
    spec: VgpuSpec
    status: VgpuStatus
    created_ms: int
    changed_ms: int
    deleted_ms: int | None = None
    reason_lines: tuple[Line, ...] = ()  # the reason, where it is a sentence of ours

    @property
    def etag(self) -> str:
        """The entity tag of the API: the generation, so that a change of what is unseen fails."""
        return f'"{self.generation}"'

    @property
    def settled(self) -> bool:
        """Whether what was observed is what the newest generation wants."""
        return self.status.observed_generation == self.generation


class Reservation(msgspec.Struct, frozen=True):
    """Memory and guarantee set aside on a device for a vGPU; two of them while it moves."""

    vgpu: str
    device: str
    memory: int
    guarantee: int


class Group(msgspec.Struct, frozen=True):
    """vGPUs that are made, placed and deleted together: all or none."""

    id: str
    name: str
    tenant: str
    created_ms: int
