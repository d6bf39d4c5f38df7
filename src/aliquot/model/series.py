"""Series: what was measured over time, in three resolutions."""

from __future__ import annotations

from typing import NamedTuple

# By kind of subject, what is measured, in the order in which it is kept. Only ever append.
METRICS = {
    "vgpu": (
        "granted",  # share of the device's time that it was promised at least, percent
        "consumed",  # that it had, percent
        "waiting",  # of the time in which it waited for the device, percent
        "memory_used",  # bytes
        "copied",  # bytes a second
        "errors",  # a second
        "debt",  # device time that it owes to others, milliseconds
    ),
    "device": (
        "busy",  # percent
        "memory_used",  # bytes
        "power",  # watts
        "temperature",  # degrees Celsius
        "clock",  # MHz
        "errors",  # a second
    ),
}


class Resolution(NamedTuple):
    """A step, and how many of the newest steps are kept."""

    seconds: int
    slots: int

    @property
    def span_seconds(self) -> int:
        """How far back it reaches."""
        return self.seconds * self.slots


RESOLUTIONS = (
    Resolution(1, 3600),  # an hour
    Resolution(10, 8640),  # a day
    Resolution(300, 8640),  # thirty days
)


class Sample(NamedTuple):
    """What was measured of a subject at one moment; what its source hasn't got is left out."""

    kind: str
    subject: str
    at_ms: int
    values: dict[str, float]


class Spread(NamedTuple):
    """A metric over a step."""

    mean: float
    least: float
    most: float


class SeriesPoint(NamedTuple):
    """A step of a series: what was measured in [at, at + step)."""

    at_ms: int
    step_seconds: int
    samples: int
    values: dict[str, Spread]
