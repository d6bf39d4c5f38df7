"""The load of a simulated device: a deterministic function of time.

The same inventory shows the same load at the same moment on every machine, so that a test can say
what it expects and a plan can be looked at again.
"""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec

from aliquot.model.telemetry import Telemetry

SOURCE = "inventory"


class Shape(StrEnum):
    """How the use swings around its mean."""

    SINE = "sine"
    SQUARE = "square"
    SAWTOOTH = "sawtooth"


class SyntheticLoad(msgspec.Struct, frozen=True, kw_only=True):
    """Use in percent, period in seconds, memory in bytes; power and temperature at rest and full.

    `phase`, 0 to 1, is where in its period the device is at time 0, so that devices of one
    kind don't all swing together.
    """

    use: float
    swing: float = 0.0
    period: float = 60.0
    shape: Shape = Shape.SINE
    memory: int | None = None
    power: tuple[float, float] | None = None
    temperature: tuple[float, float] | None = None
    phase: float = 0.0

    def use_at(self, time: float) -> float:
        """Percent of the device's time in use at a moment, in seconds since 1970."""
        place = (time / self.period + self.phase) % 1.0
        if self.shape is Shape.SINE:
            wave = math.sin(2 * math.pi * place)
        elif self.shape is Shape.SQUARE:
            wave = 1.0 if place < 0.5 else -1.0
        else:
            wave = 2 * place - 1
        return max(0.0, min(100.0, self.use + self.swing * wave))

    def reading(self, time: float, memory_total: int | None) -> Telemetry:
        """What the simulated device does at a moment; what the load doesn't say stays unknown."""
        use = self.use_at(time)
        return Telemetry(
            time=time,
            sources=(SOURCE,),
            use=round(use, 3),
            memory_used=self.memory,
            memory_total=memory_total,
            power_watts=_between(self.power, use),
            power_limit_watts=self.power[1] if self.power else None,
            temperature=_between(self.temperature, use),
        )


def _between(ends: tuple[float, float] | None, percent: float) -> float | None:
    return None if ends is None else round(ends[0] + (ends[1] - ends[0]) * percent / 100, 3)
