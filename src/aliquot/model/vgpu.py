"""A vGPU as its device host tells of it."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from aliquot.model.copies import Copies
from aliquot.model.shares import Shares, Turns

MODE_REMOTING = "remoting"
ENFORCED = "enforced"
ADVISORY = "advisory"


class VgpuState(IntEnum):
    """What a vGPU's worker does, by the number that device hosts give it."""

    RESERVED = 0  # none runs
    STARTING = 1
    READY = 2
    SUSPENDED = 3  # none runs, and guest processes wait until it is resumed


class Holder(NamedTuple):
    """A lease as its device host tells of it: who holds it since when, by the monotonic clock."""

    lease: int
    process_id: int  # it, or whose connection holds the lease
    by_process: bool  # the lease ends with the process; else with the connection
    since_ns: int


class Lease(NamedTuple):
    """A lease that was taken. Memory is in bytes."""

    vgpu: int
    number: int
    memory: int
    socket_path: str
    protections: int
    worker_process_id: int


class Vgpu(NamedTuple):
    """A vGPU that was created for this process. Memory is in bytes."""

    id: int
    name: str
    device_uuid: str
    memory: int
    socket_path: str
    protections: int
    worker_process_id: int
    shares: Shares = Shares()
    copy_limit: int = 0


class VgpuUsage(NamedTuple):
    """What a vGPU has and uses at this moment. Memory is in bytes, time in nanoseconds."""

    id: int
    name: str
    device_uuid: str
    memory_limit: int
    memory_lent: int
    memory_used: int
    witnessed_memory: int
    worker_cpu_ns: int
    kernels: int
    copied_bytes: int
    guest_processes: int
    worker_process_id: int
    owner_uid: int
    protections: int
    flags: int
    kernel_limit_ms: int
    turns: Turns = Turns()
    copies: Copies = Copies()
    external_id: int = 0  # 128 bits, given by its maker; 0: the vGPU doesn't last
    state: VgpuState = VgpuState.RESERVED
    holders: tuple[Holder, ...] = ()

    @property
    def lasting(self) -> bool:
        """Whether it stays until it is destroyed."""
        return self.external_id != 0

    def as_dict(self) -> dict[str, Any]:
        """The usage for `--json`."""
        fields = self._asdict()
        del fields["flags"]
        return {
            **fields,
            "turns": self.turns.as_dict(),
            "copies": self.copies.as_dict(),
            "external_id": f"{self.external_id:032x}" if self.lasting else None,
            "lasting": self.lasting,
            "state": self.state.name.lower(),
            "holders": [holder._asdict() for holder in self.holders],
        }
