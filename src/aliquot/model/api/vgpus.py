"""vGPUs, as the API tells and takes them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from aliquot.model.api.common import (
    Bytes,
    FilePath,
    Milliseconds,
    Name,
    Percent,
    ProcessId,
    Reference,
    Request,
    Text,
    Weight,
)
from aliquot.model.lease import LeaseKind
from aliquot.model.lifecycle import VgpuState, Wanted
from aliquot.model.line import Line
from aliquot.model.vgpu_record import Placement
from aliquot.model.vm import VmBinding, VmState

PriorityWord = Literal["latency", "normal", "batch"]
ModeWord = Literal["auto", "remoting", "passthrough", "mdev", "sriov", "mig"]
ConsumerWord = Literal["process", "container", "vm"]
IsolationWord = Literal["software", "hardware", "whole"]
DeviceTypeWord = Literal["cpu", "gpu", "accelerator"]
Labels = Annotated[dict[str, str], msgspec.Meta(max_length=64)]


class LeaseWanted(Request, frozen=True, kw_only=True):
    """Who is to hold a lease. On the Unix socket, a process of the caller's own."""

    process_id: ProcessId
    kind: LeaseKind = LeaseKind.PROCESS
    name: Text = ""


class VgpuWanted(Request, frozen=True, kw_only=True):
    """A vGPU to make. Without `memory` and `profile` it gets all that is unreserved on its device.

    What a profile says holds where the field itself is not given. `device` is an index, a UUID or
    a unique part of a name, for the only device that will do. `wait_ms` lets it wait in the queue
    where it doesn't fit now. An `ephemeral` vGPU ends with its last lease; with `lease` it is made
    and leased at once, or not at all.

    The mode `auto` goes by `consumer`, `isolation`, `elastic` (its size changes in use) and
    `windows` (the guest VM's system). `type` names a type of partition; without one the smallest of
    at least `memory` is taken. `rom` and `force` (take even the boot display) are passthrough's.
    `on` is the vGPU on whose partition one of the mode remoting is made.
    """

    name: Name
    memory: Bytes | None = None
    compute: Percent | None = None
    compute_limit: Percent | None = None
    weight: Weight | None = None
    priority: PriorityWord | None = None
    copy_limit: Annotated[int, msgspec.Meta(ge=0, le=(1 << 62))] = 0
    kernel_limit_ms: Annotated[int, msgspec.Meta(ge=1, le=86_400_000)] = 2000
    mode: ModeWord = "auto"
    type: Text | None = None
    rom: FilePath | None = None
    force: bool = False
    on: Reference | None = None
    consumer: ConsumerWord = "process"
    isolation: IsolationWord = "software"
    elastic: bool = False
    windows: bool = False
    device: Reference | None = None
    placement: Placement = Placement.PACK
    apart: Text | None = None
    movable: bool = False
    preemptible: bool = False
    profile: Name | None = None
    labels: Labels = {}  # noqa: RUF012 - msgspec copies it
    ttl_ms: Annotated[int, msgspec.Meta(ge=1, le=(1 << 45))] | None = None
    wait_ms: Annotated[int, msgspec.Meta(ge=0, le=(1 << 45))] | None = None
    ephemeral: bool = False
    lease: LeaseWanted | None = None
    device_type: DeviceTypeWord | None = None
    staged: bool = False
    strict_sync: bool = False
    no_split: bool = False
    tenant: Text | None = None  # for another tenant: admins only


class VgpuChange(Request, frozen=True, kw_only=True):
    """What is to change (a JSON merge patch, RFC 7396); what is left out stays.

    `evict`: where more memory is in use than the new size, suspend the vGPU instead of refusing.
    """

    memory: Bytes | UnsetType = UNSET
    compute: Percent | UnsetType = UNSET
    compute_limit: Percent | UnsetType = UNSET
    weight: Weight | UnsetType = UNSET
    priority: PriorityWord | UnsetType = UNSET
    copy_limit: Annotated[int, msgspec.Meta(ge=0, le=(1 << 62))] | UnsetType = UNSET
    preemptible: bool | UnsetType = UNSET
    labels: Labels | UnsetType = UNSET
    ttl_ms: Annotated[int, msgspec.Meta(ge=1, le=1 << 45)] | UnsetType | None = UNSET
    evict: bool = False


class SuspendWanted(Request, frozen=True, kw_only=True):
    """How to suspend: with `release` the reservation is given up, and resuming may have to wait."""

    release: bool = False


class ResumeWanted(Request, frozen=True, kw_only=True):
    """How to resume: `wait_ms` lets it queue where its place was given up and there is none now."""

    wait_ms: Annotated[int, msgspec.Meta(ge=0, le=(1 << 45))] | None = None


class MoveWanted(Request, frozen=True, kw_only=True):
    """Where to move to: an index, a UUID or a unique part of a name."""

    device: Reference


class VgpuResource(msgspec.Struct, frozen=True, kw_only=True):
    """A vGPU. `generation` is the entity tag; `settled`: what was observed is what it wants.

    `device` is where its place is, None while it waits; `memory_used` and `worker_process_id` are
    what was observed last. `lease_kind` says enforced or advisory, of what leases there are.
    `measured` is of the last second, by the metrics of its series; empty where nobody leases it.
    `reason_lines` are the reason to be told in any language, where it is a sentence of ours.
    `memory` is 0 where nobody tells how much a partition has. `type` is that of its partition;
    `hardware` what it is made of: a PCI address, or the UUID of an mdev or MIG device; `on` the id
    of the vGPU on whose partition it is; `vm` the VM that it is attached to, and `vm_state` what
    that did when it was looked at last.
    """

    id: str
    name: str
    tenant: str
    node: str
    group: str | None
    state: VgpuState
    reason: str
    reason_code: str
    wanted: Wanted
    generation: int
    settled: bool
    memory: int
    memory_used: int
    compute: float
    compute_limit: float
    weight: int
    priority: PriorityWord
    copy_limit: int
    kernel_limit_ms: int
    mode: str
    device: str | None
    placement: Placement
    apart: str | None
    movable: bool
    preemptible: bool
    ephemeral: bool
    profile: str | None
    labels: dict[str, str]
    leases: int
    queue_position: int | None
    worker_process_id: int
    created_ms: Milliseconds
    changed_ms: Milliseconds
    expires_ms: int | None
    deleted_ms: int | None
    lease: Granted | None = None  # in the answer to a request that asked for one
    measured: dict[str, float] = {}
    reason_lines: tuple[Line, ...] = ()
    type: str | None = None
    hardware: str = ""
    on: str | None = None
    vm: VmBinding | None = None
    vm_state: VmState | None = None

    @property
    def etag(self) -> str:
        """The entity tag, for If-Match."""
        return f'"{self.generation}"'


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """A lease that was just begun, with the socket to which its guest processes connect."""

    id: str
    vgpu: str
    socket_path: str
    enforced: bool
    memory: int
    worker_process_id: int
    protections: int


class VgpuPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list. `next` is the cursor of the page after it, None on the last one."""

    items: list[VgpuResource]
    sequence: int
    next: str | None = None


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A device that was looked at: whether it fits, its score, and in a sentence why or why not.

    `lines` are that sentence to be told in any language.
    """

    device: str
    device_name: str
    fits: bool
    why: str
    score: float | None = None
    lines: list[Line] = []


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a dry run tells: where it would go and why, or why nowhere, and what would mend that.

    `changes` are alternatives, each a single change, or the fewest moves, that would make it fit.
    `lines` and `change_lines` are both to be told in any language.

    `mode` is the one in which it would be made, `mode_lines` why it where it was chosen, `others`
    why not each other. Of a mode of hardware, `steps` are what would be done, `notes` what one has
    to know before, and `leaves` how many more of each type would fit then.
    """

    fits: bool
    device: str | None
    why: str
    candidates: list[Candidate]
    changes: list[str]
    queue_position: int | None = None
    lines: list[Line] = []
    change_lines: list[Line] = []
    mode: str = "remoting"
    mode_lines: list[Line] = []
    others: dict[str, list[Line]] = {}
    type: str | None = None
    steps: list[Line] = []
    notes: list[Line] = []
    leaves: dict[str, int] = {}


class GroupWanted(Request, frozen=True, kw_only=True):
    """vGPUs for one job: all of them are made, or none."""

    name: Name
    vgpus: Annotated[list[VgpuWanted], msgspec.Meta(min_length=1, max_length=64)]
    spread: bool = True  # each on a device of its own


class GroupResource(msgspec.Struct, frozen=True, kw_only=True):
    """A group with its living members."""

    id: str
    name: str
    tenant: str
    created_ms: Milliseconds
    vgpus: list[VgpuResource]


class GroupPage(msgspec.Struct, frozen=True, kw_only=True):
    """All groups that the caller may see."""

    items: list[GroupResource]


class ProfileWanted(Request, frozen=True, kw_only=True):
    """A profile to put."""

    memory: Bytes
    compute: Percent = 0.0
    compute_limit: Percent = 100.0
    weight: Weight = 1
    priority: PriorityWord = "normal"
    description: Text = ""


class ProfileResource(msgspec.Struct, frozen=True, kw_only=True):
    """A profile."""

    name: str
    memory: int
    compute: float
    compute_limit: float
    weight: int
    priority: PriorityWord
    description: str
    generation: int


class ProfilePage(msgspec.Struct, frozen=True, kw_only=True):
    """All profiles."""

    items: list[ProfileResource]


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the queue. `lines` are why it waits, to be told in any language."""

    vgpu: str
    name: str
    tenant: str
    position: int
    since_ms: Milliseconds
    until_ms: int | None
    why: str = ""
    lines: list[Line] = []


class QueuePage(msgspec.Struct, frozen=True, kw_only=True):
    """Who waits, the next to be served first."""

    items: list[Waiting]
