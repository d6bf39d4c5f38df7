"""Who stands where over a device, or in a group: a vGPU keeps its place as long as it is there.

So a picture changes only where something has changed. A place that is given up goes to the next
that comes; without any history, places are taken in the order in which the vGPUs were made.
"""

from __future__ import annotations

from collections.abc import Sequence

# How wide a device's column is, in slots: steps, so that most changes move no other column.
_WIDTHS = (2, 4, 8)


class Slots:
    """The places over each device. Not for several threads at once."""

    def __init__(self) -> None:
        """Nobody has a place yet."""
        self._places: dict[str, list[str | None]] = {}

    def assign(self, device: str, vgpus: Sequence[str]) -> dict[str, int]:
        """The place of each of a device's vGPUs, from 0, which are given in a stable order."""
        there = set(vgpus)
        places = [one if one in there else None for one in self._places.get(device, [])]
        known = {one for one in places if one is not None}
        free = [number for number, one in enumerate(places) if one is None]
        for vgpu in vgpus:
            if vgpu in known:
                continue
            if free:
                places[free.pop(0)] = vgpu
            else:
                places.append(vgpu)
        while places and places[-1] is None:
            places.pop()
        if places:
            self._places[device] = places
        else:
            self._places.pop(device, None)
        return {one: number for number, one in enumerate(places) if one is not None}

    def keep_only(self, keys: Sequence[str]) -> None:
        """Forget all other devices or groups."""
        for key in self._places.keys() - set(keys):
            del self._places[key]


def column_slots(used: int) -> int:
    """How many slots wide a column with so many is."""
    for width in _WIDTHS:
        if used <= width:
            return width
    return -(-used // 8) * 8
