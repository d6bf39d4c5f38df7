"""What is told of an instance that is to be made."""

from __future__ import annotations

from aliquot.model.line import Line
from aliquot.model.why import Why, because
from aliquot.modes.mig.geometry import GpuProfile


def step(address: str, profile: GpuProfile, start: int) -> Line:
    """The making of an instance that begins at a memory slice."""
    if profile.size == 1:
        return because(Why.STEP_MIG_ONE, type=profile.name, address=address, start=start)
    end = start + profile.size - 1
    return because(Why.STEP_MIG, type=profile.name, address=address, start=start, end=end)
