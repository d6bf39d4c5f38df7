"""The processes of a vGPU and their command queues, as the API tells them."""

from __future__ import annotations

from typing import Literal

import msgspec

from aliquot.model.api.common import Milliseconds
from aliquot.model.queues import QueuesWord


class CommandQueueResource(msgspec.Struct, frozen=True, kw_only=True):
    """A command queue, by its worker's word.

    `outstanding` commands have not ended, those included that wait for the device; the oldest of
    them has been known for `oldest_ns` at least, to a quarter of a second. Those `completed` since
    the worker began took `device_ns` of the device. `share` is this queue's part of what all the
    vGPU's queues took in the last second, in percent.
    """

    number: int
    in_order: bool
    outstanding: int
    completed: int
    device_ns: int
    oldest_ns: int
    share: float


class ProcessResource(msgspec.Struct, frozen=True, kw_only=True):
    """A process that uses the vGPU: one connection of a guest driver.

    Its id, by the kernel's word, and memory are the device host's; `process_id` is 0 and `name`
    empty where it is another user's, whom the caller may not know. `queues_left_out` of its queues
    are not told.
    """

    connection: int
    process_id: int
    name: str
    memory_lent: int
    memory_used: int
    share: float
    queues: list[CommandQueueResource]
    queues_left_out: int


class VgpuProcesses(msgspec.Struct, frozen=True, kw_only=True):
    """The processes that use a vGPU, and the command queues of each.

    What there is of queues is told by the vGPU's worker, which is not trusted, and measured by
    nobody else: `queues_told_by` says so, and no account rests on it. `queues_told` says whether
    there is a worker, and whether it answered in time.
    """

    vgpu: str
    vgpu_name: str
    at_ms: Milliseconds
    queues_told: QueuesWord
    queues_told_by: Literal["worker"] = "worker"
    queues_left_out: int = 0
    processes: list[ProcessResource]
