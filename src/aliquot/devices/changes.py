"""Devices that come, go, come back and change: what lies between two discoveries."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Set

from aliquot.model.device_event import DeviceEvent, DeviceEventKind
from aliquot.model.physical_device import PhysicalDevice

POLL_SECONDS = 1.0
_UNTOLD = ("uuid", "modes")  # modes only follow from the rest


def compare(
    before: Collection[PhysicalDevice],
    after: Collection[PhysicalDevice],
    lost: Collection[str] = (),
) -> list[DeviceEvent]:
    """What happened between two discoveries; `lost` are UUIDs of devices that were lost before.

    A device that is there but has a fault counts as lost, and has returned when the fault is gone.
    Losses come first: of what is gone and what is new in its place, the old one goes first.
    """
    old = {device.uuid: device for device in before}
    new = {device.uuid: device for device in after}
    events: list[DeviceEvent] = []
    for uuid, device in old.items():
        now = new.get(uuid)
        if now is None:
            if device.fault is None:
                events.append(DeviceEvent(kind=DeviceEventKind.LOST, device=device))
        elif now.fault is not None and device.fault is None:
            events.append(DeviceEvent(kind=DeviceEventKind.LOST, device=now, why=now.fault))
    for uuid, device in new.items():
        was = old.get(uuid)
        if was is None:
            back = uuid in lost and device.fault is None
            kind = DeviceEventKind.RETURNED if back else DeviceEventKind.APPEARED
            events.append(DeviceEvent(kind=kind, device=device, why=device.fault))
        elif was.fault is not None and device.fault is None:
            events.append(DeviceEvent(kind=DeviceEventKind.RETURNED, device=device))
        elif (was.fault is None) == (device.fault is None) and (
            fields := _changed(was, device, old.keys() & new.keys())
        ):
            events.append(DeviceEvent(kind=DeviceEventKind.CHANGED, device=device, fields=fields))
    return events


class Watcher:
    """Compares each discovery with the one before, and remembers which devices were lost."""

    def __init__(self, discover: Callable[[], Collection[PhysicalDevice]]) -> None:
        """Discover with this; the first comparison is with no devices."""
        self._discover = discover
        self._before: Collection[PhysicalDevice] = ()
        self._lost: set[str] = set()

    def look(self) -> list[DeviceEvent]:
        """Discover again, and tell what happened since."""
        after = self._discover()
        events = compare(self._before, after, self._lost)
        for event in events:
            if event.kind is DeviceEventKind.LOST or event.why is not None:
                self._lost.add(event.device.uuid)
            else:
                self._lost.discard(event.device.uuid)
        self._before = after
        return events


def watch(
    discover: Callable[[], Collection[PhysicalDevice]],
    stop: threading.Event,
    *,
    interval: float = POLL_SECONDS,
    wait: Callable[[float], object] | None = None,
) -> Iterator[DeviceEvent]:
    """Events until `stop` is set, beginning with every device that is there.

    Looks again each `interval` seconds, or when `wait` returns sooner: hotplug.waiter() gives one
    that the kernel's own events wake.
    """
    watcher = Watcher(discover)
    while not stop.is_set():
        yield from watcher.look()
        if wait is None:
            stop.wait(interval)
        else:
            wait(interval)


def _changed(before: PhysicalDevice, after: PhysicalDevice, peers: Set[str]) -> tuple[str, ...]:
    """The fields that differ.

    That another device came or went, and the link to it, is an event of that device's; and what
    the PCIe link does at this moment isn't a change.
    """
    found: list[str] = []
    for name in PhysicalDevice.__struct_fields__:
        if name in _UNTOLD:
            continue
        was, now = getattr(before, name), getattr(after, name)
        if name == "pci":
            was, now = _lasting(before), _lasting(after)
        elif name == "links":
            was = [link for link in before.links if link.peer in peers]
            now = [link for link in after.links if link.peer in peers]
        if was != now:
            found.append(name)
    return tuple(found)


def _lasting(device: PhysicalDevice) -> object:
    """The place on the bus, but for the link's present speed: links sleep and wake all the time."""
    if device.pci is None:
        return None
    link = device.pci.link
    most = (link.most_speed_gts, link.most_width) if link else None
    names = (name for name in device.pci.__struct_fields__ if name != "link")
    return [most, *(getattr(device.pci, name) for name in names)]
