"""Which priority classes share a node, and how many of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from aliquot.model.shares import PriorityClass

# By two classes: so many of the second may be on a node beside one of the first. Where it isn't
# told, any number may. (latency, latency): 1 lets two of them share a node, (latency, batch): 0
# none of the two, by the word of whoever is there as of whoever comes.
Mix = Mapping[tuple[PriorityClass, PriorityClass], int]


class Classes:
    """Which classes are where. Where nodes are single devices, that is who shares a device."""

    def __init__(self, nodes: int, mix: Mix | None = None) -> None:
        """Nothing is placed yet."""
        self._mix = dict(mix or {})
        self._there: list[Counter[PriorityClass]] = [Counter() for _ in range(nodes)]

    def copy(self) -> Classes:
        """The same, which goes its own way from now on."""
        copied = Classes(0, self._mix)
        copied._there = [there.copy() for there in self._there]
        return copied

    def add(self, node: int, priority: PriorityClass) -> None:
        """One of a class is on a node now."""
        self._there[node][priority] += 1

    def remove(self, node: int, priority: PriorityClass) -> None:
        """It is there no more."""
        self._there[node][priority] -= 1

    def allow(self, node: int, priority: PriorityClass) -> bool:
        """Whether one of a class may come to a node."""
        if not self._mix:
            return True
        there = self._there[node]
        for (first, second), most in self._mix.items():
            if first is priority and there[second] > most:
                return False
            # Whoever is there counts the newcomer, and not itself.
            if second is priority and there[first] and there[second] + (first is not second) > most:
                return False
        return True

    @property
    def mixed(self) -> bool:
        """Whether anything is told of the mix: else all may go anywhere."""
        return bool(self._mix)
