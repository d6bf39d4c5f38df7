"""The life of a vGPU: its states, which may follow which, and what its owner wants of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class VgpuState(StrEnum):
    """What a vGPU is at the moment."""

    PENDING = "pending"  # it waits for a place on a device, or for its device host
    READY = "ready"
    LEASED = "leased"
    SUSPENDED = "suspended"
    FAILED = "failed"
    DELETED = "deleted"


class Wanted(StrEnum):
    """What the owner wants a vGPU to be: the desired state that the observed one follows."""

    RUNNING = "running"
    SUSPENDED = "suspended"
    DELETED = "deleted"


_S = VgpuState

# The one table of what may follow what. A failed vGPU recovers to where it was; a deleted one stays
# deleted, and its name can be given again.
TRANSITIONS: Mapping[VgpuState, frozenset[VgpuState]] = MappingProxyType(
    {
        _S.PENDING: frozenset({_S.READY, _S.FAILED, _S.DELETED}),
        _S.READY: frozenset({_S.LEASED, _S.SUSPENDED, _S.FAILED, _S.DELETED}),
        _S.LEASED: frozenset({_S.READY, _S.SUSPENDED, _S.FAILED, _S.DELETED}),
        _S.SUSPENDED: frozenset({_S.READY, _S.LEASED, _S.FAILED, _S.DELETED}),
        _S.FAILED: frozenset({_S.PENDING, _S.READY, _S.LEASED, _S.SUSPENDED, _S.DELETED}),
        _S.DELETED: frozenset(),
    }
)

# States in which a lease can begin.
LEASABLE = frozenset({_S.READY, _S.LEASED})
LIVING = frozenset(VgpuState) - {_S.DELETED}
