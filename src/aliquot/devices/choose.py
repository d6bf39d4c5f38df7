"""Which device the user means by `--device`."""

from __future__ import annotations

from aliquot.errors import AmbiguousDevice, UnknownDevice
from aliquot.model.device import GPU, SOFTWARE, Device


def choose_device(devices: list[Device], wanted: str | None) -> Device:
    """The device that an index, a UUID or a unique part of a name means.

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
    fitting = [d for d in devices if text == d.name.casefold()]
    if not fitting and text:
        fitting = [d for d in devices if text in d.name.casefold() or text in d.platform.casefold()]
    if not fitting:
        raise UnknownDevice(f"there is no device {wanted[:60]!r} here")
    if len(fitting) > 1:
        indices = ", ".join(str(devices.index(device)) for device in fitting)
        raise AmbiguousDevice(f"{wanted[:60]!r} fits the devices {indices}")
    return fitting[0]


def _counted(count: int) -> str:
    return "the only one here is 0" if count == 1 else f"those here are 0 to {count - 1}"
