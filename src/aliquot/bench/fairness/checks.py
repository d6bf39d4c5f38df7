"""A promise, what was measured of it, and the figures that such measures are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple


class Check(NamedTuple):
    """One promise, what was measured and what it is held to."""

    promise: str
    value: float
    bar: float
    unit: str
    at_most: bool = True

    @property
    def holds(self) -> bool:
        """Whether the promise was kept."""
        return self.value <= self.bar if self.at_most else self.value >= self.bar

    def missed(self) -> str:
        """The promise and by how much it was missed."""
        sign = ">" if self.at_most else "<"
        return f"{self.promise}: {self.value:.3g} {sign} {self.bar:.3g} {self.unit}".rstrip()

    def as_dict(self) -> dict[str, Any]:
        """The check for `--json`."""
        return {**self._asdict(), "holds": self.holds}


class Tolerance(NamedTuple):
    """Makes bars wider: those that are not to be exceeded, and those that are to be reached."""

    factor: float

    def most(self, bar: float) -> float:
        """A bar that is not to be exceeded."""
        return bar * self.factor

    def least(self, bar: float) -> float:
        """A bar, as a part of 1, that is to be reached."""
        return 1 - (1 - bar) * self.factor


def jain(amounts: Sequence[float]) -> float:
    """Jain's index of fairness: 1 where all are equal, 1/n where one has everything."""
    squares = sum(amount * amount for amount in amounts)
    return sum(amounts) ** 2 / (len(amounts) * squares) if squares else 0.0


def percentile(values: Sequence[float], part: float) -> float:
    """The value that this part of all values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]
