"""Families of metrics: their names and labels, and what is told of a device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from aliquot.daemon.live import LiveDevice
from aliquot.model.device_record import DeviceRecord
from aliquot.model.telemetry import Telemetry

_MEGA = 1_000_000


class Family:
    """A family of metrics: a counter where its name ends in _total, else a gauge."""

    def __init__(self, name: str, text: str, labels: Sequence[str] = ()) -> None:
        """`text` is its line of help."""
        kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
        self.metric = kind(name, text, labels=list(labels))

    def add(self, labels: Sequence[str], value: float) -> None:
        """A value, and the values of the labels in their order."""
        self.metric.add_metric(list(labels), value)


class Device(NamedTuple):
    """A device as it is kept, as it is known now, or both."""

    uuid: str
    kept: DeviceRecord | None
    live: LiveDevice | None

    @property
    def labels(self) -> tuple[str, str]:
        """Our UUID, and the one by which the vendor's exporter names it where there is one."""
        vendor = self.live.entry.device.vendor_uuid if self.live else None
        if vendor is None and self.kept:
            vendor = self.kept.facts.get("vendor_uuid")
        return self.uuid, vendor or self.uuid

    @property
    def name(self) -> str:
        """Its name."""
        return self.live.entry.name if self.live else self.kept.name if self.kept else ""

    @property
    def kind(self) -> str:
        """gpu, accelerator, custom or software."""
        return self.live.entry.kind if self.live else self._fact("kind")

    @property
    def vendor(self) -> str:
        """Its vendor, or nothing."""
        return (self.live.entry.device.vendor or "") if self.live else self._fact("vendor")

    @property
    def node(self) -> str:
        """The node that has it."""
        return self.kept.node if self.kept else ""

    @property
    def simulated(self) -> bool:
        """Whether an inventory made it up."""
        return (
            self.live.entry.device.simulated
            if self.live
            else bool(self.kept and self.kept.simulated)
        )

    def errors(self) -> Iterator[tuple[str, int]]:
        """By kind, what the driver counts."""
        now = self.live.telemetry if self.live else None
        if now is not None and now.corrected_errors is not None:
            yield "corrected", now.corrected_errors
        if now is not None and now.uncorrected_errors is not None:
            yield "uncorrected", now.uncorrected_errors

    def _fact(self, name: str) -> str:
        told = self.kept.facts.get(name) if self.kept else None
        return told if isinstance(told, str) else ""


def _measured(name: str, scale: float = 1.0) -> Callable[[Device], float | None]:
    def value(device: Device) -> float | None:
        found = device.live.values.get(name) if device.live else None
        return None if found is None else found * scale

    return value


def _told(read: Callable[[Telemetry], float | None]) -> Callable[[Device], float | None]:
    def value(device: Device) -> float | None:
        now = device.live.telemetry if device.live else None
        return None if now is None else read(now)

    return value


def _kept(read: Callable[[DeviceRecord], float | None]) -> Callable[[Device], float | None]:
    return lambda device: None if device.kept is None else read(device.kept)


def _vgpus(device: Device) -> float | None:
    return None if device.live is None else device.live.vgpus


# Name, line of help, and the value; None where it isn't known.
DEVICE_GAUGES: tuple[tuple[str, str, Callable[[Device], float | None]], ...] = (
    (
        "aliquot_device_present",
        "1 where the device is there and sound, 0 where it was lost.",
        _kept(lambda kept: float(kept.present)),
    ),
    ("aliquot_device_memory_bytes", "Its memory.", _kept(lambda kept: kept.memory)),
    (
        "aliquot_device_memory_reserved_bytes",
        "Memory that is set aside for vGPUs.",
        _kept(lambda kept: kept.reserved_memory),
    ),
    (
        "aliquot_device_granted_ratio",
        "Share of its time that is guaranteed to vGPUs.",
        _kept(lambda kept: kept.reserved_guarantee / 10_000),
    ),
    (
        "aliquot_device_memory_used_bytes",
        "Memory in use; on a software device, by vGPUs.",
        _measured("memory_used"),
    ),
    (
        "aliquot_device_busy_ratio",
        "Share of the last second in which it was busy; of a software device, with vGPUs.",
        _measured("busy", 0.01),
    ),
    ("aliquot_device_power_watts", "Power that it draws.", _measured("power")),
    ("aliquot_device_temperature_celsius", "Its temperature.", _measured("temperature")),
    ("aliquot_device_clock_hertz", "The clock of its cores.", _measured("clock", _MEGA)),
    (
        "aliquot_device_energy_joules_total",
        "Energy that it has used since its driver was loaded.",
        _told(lambda now: now.energy_joules),
    ),
    (
        "aliquot_device_vgpus",
        "vGPUs that its device host has.",
        _vgpus,
    ),
)


def labels_of_device(devices: Mapping[str, Device], uuid: str) -> tuple[str, str]:
    """The labels of a device by which series of a vGPU can be joined with it."""
    found = devices.get(uuid)
    return found.labels if found else (uuid, uuid)
