"""What `aliquot bench daemon` found: a line a figure, with its bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple


class Line(NamedTuple):
    """A figure. Its bar is the most that it may be, or with `at_least` the least."""

    case: str
    name: str
    value: float
    unit: str
    bar: float | None  # None is told, and promised nowhere
    at_least: bool = False
    strict: bool = False  # what other work on the machine doesn't change: its bar stays as it is

    def holds(self, tolerance: float) -> bool:
        """Whether it is within its bar, so many times as wide."""
        if self.bar is None:
            return True
        factor = 1.0 if self.strict else tolerance
        if self.at_least:
            return self.value >= self.bar / factor
        return self.value <= self.bar * factor


class Result(NamedTuple):
    """All lines, and by the case's name why something was not measured."""

    lines: list[Line]
    left_out: dict[str, str]
    tolerance: float
    load_before: float
    load_after: float

    @property
    def holds(self) -> bool:
        """Whether every bar holds."""
        return all(line.holds(self.tolerance) for line in self.lines)

    def as_dict(self) -> dict[str, Any]:
        """The result for `--json`."""
        return {
            "tolerance": self.tolerance,
            "load_before": self.load_before,
            "load_after": self.load_after,
            "left_out": self.left_out,
            "lines": [
                {**line._asdict(), "holds": line.holds(self.tolerance)} for line in self.lines
            ],
        }


def percentile(sorted_values: Sequence[float], percent: float) -> float:
    """The least value that so many percent don't exceed."""
    return sorted_values[max(1, math.ceil(len(sorted_values) * percent / 100)) - 1]
