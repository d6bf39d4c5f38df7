"""What a driver's hwmon directory tells: power, energy, temperatures.

Units as in Linux's Documentation/hwmon/sysfs-interface.rst: microwatts, microjoules, thousandths
of a degree, hertz.
"""

from __future__ import annotations

import re

from aliquot.devices.sysfs import PCI_DEVICES, Sysfs

_DIRECTORY = re.compile(r"hwmon[0-9]{1,6}", re.ASCII)
_MOST_SENSORS = 32


class Hwmon:
    """The first hwmon directory of a PCI function; reads nothing where there is none."""

    def __init__(self, sysfs: Sysfs, address: str) -> None:
        """Find the directory."""
        self._sysfs = sysfs
        names = sysfs.names(PCI_DEVICES, address, "hwmon")
        name = next((name for name in names if _DIRECTORY.fullmatch(name)), None)
        self._here = (PCI_DEVICES, address, "hwmon", name) if name else None

    def watts(self, *names: str) -> float | None:
        """The first of these files that says something, in watts."""
        return self._scaled(names, 1e6)

    def joules(self, *names: str) -> float | None:
        """The first of these files that says something, in joules."""
        return self._scaled(names, 1e6)

    def megahertz(self, label: str) -> int | None:
        """The clock with this label, in MHz."""
        hertz = self._labelled("freq", label)
        return None if hertz is None or hertz < 0 else round(hertz / 1e6)

    def degrees(self, *labels: str) -> float | None:
        """The temperature with the first of these labels that is there; may be below zero."""
        for label in labels:
            found = self._labelled("temp", label)
            if found is not None:
                return found / 1000
        return None

    def first_degrees(self) -> float | None:
        """The first temperature, where it has no label: the driver has one sensor."""
        if self._here is None or self._sysfs.exists(*self._here, "temp1_label"):
            return None
        found = self._sysfs.integer(*self._here, "temp1_input")
        return None if found is None else found / 1000

    def _scaled(self, names: tuple[str, ...], unit: float) -> float | None:
        if self._here is None:
            return None
        for name in names:
            found = self._sysfs.natural(*self._here, name)
            if found is not None:
                return found / unit
        return None

    def _labelled(self, kind: str, label: str) -> int | None:
        if self._here is None:
            return None
        for index in range(1, _MOST_SENSORS):
            if self._sysfs.text(*self._here, f"{kind}{index}_label") == label:
                return self._sysfs.integer(*self._here, f"{kind}{index}_input")
        return None
