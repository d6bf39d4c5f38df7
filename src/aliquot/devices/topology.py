"""How far apart devices are on PCI, read off the paths that sysfs gives them.

A path like /sys/devices/pci0000:40/0000:40:01.1/0000:41:00.0/0000:42:08.0/0000:43:00.0 names the
host bridge and every bridge on the way: a root port, and a switch's up and down ports.
"""

from __future__ import annotations

import re

from aliquot.devices.sysfs import PCI_DEVICES, Sysfs
from aliquot.model.physical_device import Distance

_HOST_BRIDGE = re.compile(r"pci[0-9a-f]{4,8}:[0-9a-f]{2}", re.ASCII)


def route(sysfs: Sysfs, address: str) -> tuple[str, ...]:
    """The host bridge, the bridges and the function itself; empty where sysfs doesn't tell."""
    place = sysfs.place(PCI_DEVICES, address)
    for index, part in enumerate(place):
        if _HOST_BRIDGE.fullmatch(part):
            return tuple(place[index:])
    return ()


def distance(
    one: tuple[str, ...], other: tuple[str, ...], nodes: tuple[int | None, int | None]
) -> tuple[Distance | None, int] | None:
    """How far apart two routes end, and over how many bridges; None where a route is unknown.

    `nodes` are the NUMA nodes of the two; where only one is known, it can't be said how far the two
    host bridges are apart. A host bridge counts as no bridge of its own.
    """
    if not one or not other or one == other:
        return None
    shared = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        shared += 1
    common = max(shared, 1)  # neither route's host bridge counts
    bridges = max(0, len(one) - 1 - common) + max(0, len(other) - 1 - common)
    if shared > 1:
        # The last bridge that both share is where the way turns.
        return Distance.SWITCH, bridges + 1
    if shared == 1:
        return Distance.HOST_BRIDGE, bridges
    if nodes[0] == nodes[1]:
        return Distance.NUMA_NODE, bridges  # None twice: a machine with one node doesn't number it
    return (None if None in nodes else Distance.SYSTEM), bridges
