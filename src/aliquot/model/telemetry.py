"""What a device does at one moment."""

from __future__ import annotations

from typing import Any

import msgspec


class Telemetry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reading; a field is None, and absent in JSON, where no source tells it: never 0.

    Percent are 0 to 100; memory is in bytes, power in watts, energy in joules since the driver was
    loaded, temperatures in degrees Celsius, clocks in MHz. Errors count since the driver was
    loaded. `awake` is the percent of time that the device was in no sleep state: it bounds
    the use from above where a driver doesn't tell the use. `asleep_ms` and `energy_joules` only
    ever grow, and serve to derive `awake` and `power_watts`.
    """

    time: float
    sources: tuple[str, ...]
    use: float | None = None
    awake: float | None = None
    memory_bus_use: float | None = None
    encoder_use: float | None = None
    decoder_use: float | None = None
    memory_used: int | None = None
    memory_total: int | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    energy_joules: float | None = None
    temperature: float | None = None
    memory_temperature: float | None = None
    core_mhz: int | None = None
    memory_mhz: int | None = None
    asleep_ms: int | None = None
    corrected_errors: int | None = None
    uncorrected_errors: int | None = None
    pcie_replays: int | None = None
    fault: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The reading for `--json`: only what is known."""
        told: dict[str, Any] = msgspec.to_builtins(self)
        return told
