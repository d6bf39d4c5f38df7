"""Which device the user means by `--device`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from aliquot.errors import AmbiguousDevice, UnknownDevice
from aliquot.model.device import GPU, SOFTWARE


class Choosable(Protocol):
    """What a user can mean: a device of a driver's, or all that is known of a physical one."""

    @property
    def uuid(self) -> str:
        """The UUID by which it is listed."""
        ...

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def platform(self) -> str:
        """What offers it."""
        ...

    @property
    def kind(self) -> str:
        """gpu, software and so on."""
        ...

    @property
    def other_names(self) -> tuple[str, ...]:
        """What else names it and nothing else, in lower case: its place, UUIDs of other makers."""
        ...


T = TypeVar("T", bound=Choosable)


def choose_device(devices: Sequence[T], wanted: str | None) -> T:
    """The device that an index, a UUID, a PCI address or a unique part of a name means.

    A name is the device's or its platform's, whatever the case; a device's whole name goes before
    parts of names. Without `wanted`: the first GPU, else the first software device, else the
    first. Raises UnknownDevice or AmbiguousDevice. `devices` must not be empty.
    """
    if wanted is None:
        for kind in (GPU, SOFTWARE):
            for device in devices:
                if device.kind == kind:
                    return device
        return devices[0]
    text = wanted.strip().casefold()
    if text.isascii() and text.isdigit():
        index = int(text) if len(text) < 10 else len(devices)
        if index < len(devices):
            return devices[index]
        raise UnknownDevice(f"there is no device {wanted[:20]}: {_counted(len(devices))}")
    for device in devices:
        if text == device.uuid:
            return device
    if named := [device for device in devices if text in device.other_names]:
        return _only(devices, named, wanted)
    fitting = [d for d in devices if text == d.name.casefold()]
    if not fitting and text:
        fitting = [d for d in devices if text in d.name.casefold() or text in d.platform.casefold()]
    if not fitting:
        raise UnknownDevice(f"there is no device {wanted[:60]!r} here")
    return _only(devices, fitting, wanted)


def _only(devices: Sequence[T], fitting: list[T], wanted: str) -> T:
    if len(fitting) > 1:
        indices = ", ".join(str(devices.index(device)) for device in fitting)
        raise AmbiguousDevice(f"{wanted[:60]!r} fits the devices {indices}")
    return fitting[0]


def _counted(count: int) -> str:
    return "the only one here is 0" if count == 1 else f"those here are 0 to {count - 1}"
