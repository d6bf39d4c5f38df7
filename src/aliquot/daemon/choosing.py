"""Which device of the state a caller means: by index, UUID, place or a unique part of a name."""

from __future__ import annotations

from typing import NamedTuple

from aliquot.devices.choose import choose_device
from aliquot.errors import AmbiguousDevice, UnknownDevice
from aliquot.model.device_record import DeviceRecord
from aliquot.model.why import Why
from aliquot.store import View, devices
from aliquot.words.refusals import refusal


class Line(NamedTuple):
    """A device as `aliquot devices` lists it."""

    record: DeviceRecord
    number: int

    @property
    def uuid(self) -> str:
        """The UUID by which it is listed."""
        return self.record.uuid

    @property
    def name(self) -> str:
        """Its name."""
        return self.record.name

    @property
    def kind(self) -> str:
        """gpu, software and so on."""
        return self.record.facts.get("kind", "")

    @property
    def platform(self) -> str:
        """The OpenCL platform, or nothing."""
        return self.record.facts.get("platform", "")

    @property
    def other_names(self) -> tuple[str, ...]:
        """Its place and its other UUIDs."""
        return tuple(self.record.facts.get("other_names", ()))


def lines(view: View, node: str) -> list[Line]:
    """The node's devices in the order of their indices; those that are gone come last."""
    kept = devices.listed(view, node)
    ordered = sorted(kept, key=lambda device: (not device.present, device.facts.get("index", 0)))
    return [Line(record, index) for index, record in enumerate(ordered)]


def line_of(view: View, node: str, wanted: str) -> Line:
    """The device that is meant; raises UnknownDevice, AmbiguousDevice."""
    listed = lines(view, node)
    if not listed:
        raise refusal(UnknownDevice, Why.NO_DEVICE)
    try:
        return choose_device(listed, wanted)
    except AmbiguousDevice:
        # Of a device that several drivers offer, its own UUID or place means the first line.
        text = wanted.strip().casefold()
        named = [line for line in listed if text in line.other_names]
        if named and len({line.record.facts.get("uuid") for line in named}) == 1:
            return named[0]
        raise
