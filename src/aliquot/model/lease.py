"""A lease: a vGPU in use by a process, container, VM or desktop."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class LeaseKind(StrEnum):
    """What uses the vGPU."""

    PROCESS = "process"
    CONTAINER = "container"
    VM = "vm"
    DESKTOP = "desktop"


class Holder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who uses it: enough to find out after a restart whether it is still there.

    A process's number is given again; with the moment of its start it is one process only.
    """

    user_id: int | None = None
    process_id: int = 0
    process_started: int = 0  # clock ticks since the machine's start, as /proc tells
    name: str = ""
    number: int = 0  # of the lease, at the device host


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """A lease, in force until `released_ms` is set."""

    id: str
    vgpu: str
    tenant: str
    kind: LeaseKind
    holder: Holder
    enforced: bool  # else advisory: the user can reach the device by another way
    since_ms: int
    released_ms: int | None = None
    ending: str = ""

    @property
    def word(self) -> str:
        """Enforced or advisory, as people read it."""
        return "enforced" if self.enforced else "advisory"
