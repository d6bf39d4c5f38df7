"""Waiting for a vGPU that isn't ready at once: for its place in the queue, or for its device."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aliquot.cli.progress import Progress
from aliquot.errors import WaitedInVain
from aliquot.model.lifecycle import VgpuState
from aliquot.sizes import format_duration

if TYPE_CHECKING:
    from aliquot.client.rest import Client
    from aliquot.model.api.vgpus import VgpuResource

_SHORTEST_S = 0.05
_LONGEST_S = 1.0
# The daemon ends the wait; this is for one that doesn't.
_GRACE_S = 10.0


def until_placed(client: Client, vgpu: VgpuResource, wait_ms: int) -> VgpuResource:
    """The vGPU once it doesn't wait any more; raises WaitedInVain.

    The daemon keeps its place in the queue, and ends the wait; here it is only looked at.
    """
    deadline = time.monotonic() + wait_ms / 1000 + _GRACE_S
    pause = _SHORTEST_S
    with Progress() as progress:
        while vgpu.state is VgpuState.PENDING and time.monotonic() < deadline:
            left = max(0, deadline - _GRACE_S - time.monotonic())
            progress.say(f"{words(vgpu)}; {format_duration(int(left * 1000))} left")
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_S)
            vgpu = client.vgpus.show(vgpu.id)
    if vgpu.state in (VgpuState.PENDING, VgpuState.DELETED, VgpuState.FAILED):
        why = vgpu.reason or words(vgpu)
        raise WaitedInVain(f"vGPU {vgpu.name} got no place within the time: {why}")
    return vgpu


def words(vgpu: VgpuResource) -> str:
    """What a vGPU waits for."""
    if vgpu.queue_position is not None:
        return f"vGPU {vgpu.name} waits for a place, number {vgpu.queue_position} in the queue"
    return f"vGPU {vgpu.name} is {vgpu.state}"
