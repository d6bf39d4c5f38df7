"""All about one vGPU."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from aliquot.model.vgpu import VgpuUsage


class UnsplitReason(IntEnum):
    """Why a kernel can't be launched in pieces, by the number that workers give it."""

    NONE = 0
    ASKS_FOR_RANGE = 1
    ATOMICS = 2
    UNREADABLE = 3
    NO_SOURCE = 4
    NO_GROUP_SIZE = 5
    UNEVEN = 6
    ONE_GROUP = 7
    OUT_OF_ORDER = 8
    TIMED = 9
    USER_EVENT = 10
    FORBIDDEN = 11

    @property
    def phrase(self) -> str:
        """The reason in a few words."""
        return _PHRASES[self]


_PHRASES = {
    UnsplitReason.NONE: "no reason was told",
    UnsplitReason.ASKS_FOR_RANGE: "its source can ask for its place in the whole range",
    UnsplitReason.ATOMICS: "its source has atomics or volatile: groups could wait for one another",
    UnsplitReason.UNREADABLE: "its source includes other text or pastes names together",
    UnsplitReason.NO_SOURCE: "its program was made from a binary or linked",
    UnsplitReason.NO_GROUP_SIZE: "it is launched without a local size",
    UnsplitReason.UNEVEN: "its range is not a whole number of work-groups",
    UnsplitReason.ONE_GROUP: "it is one work-group",
    UnsplitReason.OUT_OF_ORDER: "its queue is out of order",
    UnsplitReason.TIMED: "the program can ask for its times",
    UnsplitReason.USER_EVENT: "it waits for a user event",
    UnsplitReason.FORBIDDEN: "--no-split forbids it",
}


class UnsplitKernel(NamedTuple):
    """A kernel that took long and can't be launched in pieces: the worker's claim."""

    name: str
    longest_ns: int
    reason: UnsplitReason

    def as_dict(self) -> dict[str, Any]:
        """The kernel for `--json`."""
        return {
            "name": self.name,
            "longest_ns": self.longest_ns,
            "reason": self.reason.name.lower(),
            "why": self.reason.phrase,
        }


class GuestProcess(NamedTuple):
    """A process that uses the vGPU. Memory is in bytes."""

    process_id: int
    connection: int
    memory_lent: int
    memory_used: int


class VgpuDetails(NamedTuple):
    """A vGPU with its processes, and its longest kernels that can't be launched in pieces."""

    usage: VgpuUsage
    kernels: list[UnsplitKernel]
    processes: list[GuestProcess]
