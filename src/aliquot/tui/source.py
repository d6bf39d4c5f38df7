"""Where what is shown comes from, and what can be done to it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from aliquot.model.shares import Shares
from aliquot.tui.view import Screenful, VgpuView


class Act(StrEnum):
    """What can be done to a vGPU."""

    RESIZE = "resize"
    SUSPEND = "suspend"
    RESUME = "resume"
    KILL = "kill"


class NewSize(NamedTuple):
    """What a vGPU is to have; None leaves it as it is. Memory is in bytes."""

    memory: int | None
    shares: Shares


class Source(Protocol):
    """All methods may block, are called by other threads than the screen's, and raise AliquotError.

    Only `why_not` is called by the screen's own: it answers from what is known.
    """

    def look(self) -> Screenful:
        """What there is by now."""
        ...

    def why_not(self, act: Act, vgpu: VgpuView) -> str:
        """Why this can't be done to it, in a clause; empty where it can be tried."""
        ...

    def history(self, vgpu: VgpuView) -> Sequence[tuple[float, float]]:
        """Share and waiting of the last seconds, one a second, as far as they were kept."""
        ...

    def resize(self, vgpu: VgpuView, size: NewSize) -> str:
        """Give it another size; returns what was done, in a clause."""
        ...

    def suspend(self, vgpu: VgpuView) -> str:
        """Suspend it."""
        ...

    def resume(self, vgpu: VgpuView) -> str:
        """Let it go on."""
        ...

    def kill(self, vgpu: VgpuView) -> str:
        """End its leases, whoever holds them."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...
