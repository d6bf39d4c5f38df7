"""Telemetry of several sources made one, and what only two readings in a row tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from aliquot.model.physical_device import PhysicalDevice
from aliquot.model.telemetry import Telemetry

INTERVAL_SECONDS = 1.0
# Counters of readings that are nearer than this say more about the clock than about the device.
_SHORTEST_SPAN = 0.05


def combined(readings: list[Telemetry]) -> Telemetry | None:
    """One reading: of each field, what the first source tells."""
    if not readings:
        return None
    fields: dict[str, Any] = {}
    for reading in readings:
        for name in Telemetry.__struct_fields__:
            told = getattr(reading, name)
            if told is not None and fields.get(name) is None:
                fields[name] = told
    fields["sources"] = tuple(source for reading in readings for source in reading.sources)
    return Telemetry(**fields)


class Sampler:
    """Readings of devices, each once an interval, with what follows from two in a row.

    Power follows from energy, and the time awake from the time asleep, where a driver tells only
    those. Readers may ask as often as they like: within an interval they get the same reading.
    """

    def __init__(
        self,
        read: Callable[[PhysicalDevice], Telemetry | None],
        interval: float = INTERVAL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read with `read`, at most once in `interval` seconds by `clock`."""
        self._read = read
        self._interval = interval
        self._clock = clock
        self._last: dict[str, tuple[float, Telemetry | None]] = {}

    def sample(self, devices: Iterable[PhysicalDevice]) -> dict[str, Telemetry]:
        """The latest reading of each device that has one, by UUID; forgets devices not named."""
        found: dict[str, tuple[float, Telemetry | None]] = {}
        for device in devices:
            last = self._last.get(device.uuid)
            now = self._clock()
            if last is not None and now - last[0] < self._interval:
                found[device.uuid] = last
                continue
            reading = self._read(device)
            if reading is not None and last is not None and last[1] is not None:
                reading = derived(last[1], reading)
            found[device.uuid] = (now, reading)
        self._last = found
        return {uuid: reading for uuid, (_, reading) in found.items() if reading is not None}


def derived(before: Telemetry, now: Telemetry) -> Telemetry:
    """The later reading with power and time awake over the span between the two."""
    span = now.time - before.time
    if span < _SHORTEST_SPAN:
        return now
    changes: dict[str, float] = {}
    if (
        now.power_watts is None
        and now.energy_joules is not None
        and before.energy_joules is not None
    ):
        used = now.energy_joules - before.energy_joules
        # A counter that went back began anew with its driver.
        if used >= 0:
            changes["power_watts"] = used / span
    if now.awake is None and now.asleep_ms is not None and before.asleep_ms is not None:
        asleep = now.asleep_ms - before.asleep_ms
        if asleep >= 0:
            changes["awake"] = max(0.0, min(100.0, 100.0 * (1 - asleep / 1000 / span)))
    return msgspec.structs.replace(now, **changes) if changes else now
