"""Which priority classes share a node, and how many of each; nodes may differ in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from aliquot.model.shares import PriorityClass, PriorityMix


class Breach(NamedTuple):
    """What a mix says against one more of a class: beside one of the first class at most so many
    of the second may be."""

    first: PriorityClass
    second: PriorityClass
    most: int


class Classes:
    """Which classes are where. Where nodes are single devices, that is who shares a device."""

    def __init__(self, mixes: Sequence[PriorityMix]) -> None:
        """A mix for each node. Nothing is placed yet."""
        self._mixes = mixes
        self._there: list[Counter[PriorityClass]] = [Counter() for _ in mixes]

    def copy(self) -> Classes:
        """The same, which goes its own way from now on."""
        copied = Classes(())
        copied._mixes = self._mixes
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
        return self.breach(node, priority) is None

    def breach(self, node: int, priority: PriorityClass) -> Breach | None:
        """What keeps one of a class from a node; None where it may come."""
        there = self._there[node]
        for (first, second), most in self._mixes[node].items():
            if first is priority and there[second] > most:
                return Breach(first, second, most)
            # Whoever is there counts the newcomer, and not itself.
            if second is priority and there[first] and there[second] + (first is not second) > most:
                return Breach(first, second, most)
        return None

    @property
    def mixed(self) -> bool:
        """Whether anything is told of the mix: else all may go anywhere."""
        return any(self._mixes)
