"""A vGPU as its device host tells of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from aliquot.model.copies import Copies
from aliquot.model.shares import Shares, Turns

MODE_REMOTING = "remoting"
ENFORCED = "enforced"
ADVISORY = "advisory"


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

    def as_dict(self) -> dict[str, Any]:
        """The usage for `--json`."""
        fields = self._asdict()
        del fields["flags"]
        return {
            **fields,
            "turns": self.turns.as_dict(),
            "copies": self.copies.as_dict(),
        }
