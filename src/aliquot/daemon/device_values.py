"""The metrics of a device's series, from its reading or from what its vGPUs had."""

from __future__ import annotations

from collections.abc import Iterable

from aliquot.devices.listing import Entry
from aliquot.model.device import SOFTWARE
from aliquot.model.telemetry import Telemetry


def measured(
    device: Entry,
    now: Telemetry | None,
    before: Telemetry | None,
    on_it: Iterable[tuple[dict[str, float], int]],
) -> dict[str, float]:
    """What is known of a device's last second; what no source tells is left out.

    `on_it` are the rates and the memory of its vGPUs. Only of a software device they are all that
    it does: programs without a vGPU may use any other.
    """
    found: dict[str, float] = {}
    if device.kind == SOFTWARE and not device.device.simulated:
        vgpus = list(on_it)
        found["busy"] = min(100.0, sum(values.get("consumed", 0.0) for values, _ in vgpus))
        found["memory_used"] = float(sum(memory for _, memory in vgpus))
    if now is None:
        return found
    told = {
        "busy": now.use,
        "memory_used": now.memory_used,
        "power": now.power_watts,
        "temperature": now.temperature,
        "clock": now.core_mhz,
        "errors": _errors(now, before),
    }
    return found | {name: float(value) for name, value in told.items() if value is not None}


def _errors(now: Telemetry, before: Telemetry | None) -> float | None:
    """Errors a second between two readings; a count that went back began anew."""
    if before is None or now.time <= before.time:
        return None
    counts = [
        (later, earlier)
        for later, earlier in (
            (now.corrected_errors, before.corrected_errors),
            (now.uncorrected_errors, before.uncorrected_errors),
        )
        if later is not None and earlier is not None
    ]
    if not counts:
        return None
    grown = sum(max(0, later - earlier) for later, earlier in counts)
    return grown / (now.time - before.time)
