"""Whether other work kept the machine busy while something was measured on it.

A miss that was measured on a quiet machine is a failure. Where other work, or the host below a
virtual machine, took much of the processors at each attempt, a miss says nothing: the test is then
skipped with the figures, which is neither passed nor failed.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import NoReturn

import pytest

_MOST_BUSY = 0.25  # of all processors; between two measurements nothing of ours runs
_MOST_STOLEN = 0.05


class Quiet:
    """Looks at the machine before and after each attempt."""

    def __init__(self) -> None:
        self._attempts: list[tuple[float, float]] = []

    def __enter__(self) -> Quiet:
        self._busy = busy_share()
        self._begin = _clocks()
        return self

    def __exit__(self, *_: object) -> None:
        total, _idle, stolen = (b - a for a, b in zip(self._begin, _clocks(), strict=True))
        self._attempts.append((max(self._busy, busy_share()), stolen / max(total, 1)))

    def missed(self, what: str) -> NoReturn:
        """Fails the test; skips it where no attempt was made on a quiet machine."""
        told = ", ".join(f"{busy:.0%} busy, {stolen:.0%} stolen" for busy, stolen in self._attempts)
        if all(busy > _MOST_BUSY or stolen > _MOST_STOLEN for busy, stolen in self._attempts):
            pytest.skip(f"not decided, other work had the processors ({told}): {what}")
        pytest.fail(f"{what}\n(the machine at each attempt, beside us: {told})", pytrace=False)


def busy_share(seconds: float = 0.5) -> float:
    """The share of all processors that is in use now."""
    begin = _clocks()
    time.sleep(seconds)
    total, idle, _stolen = (b - a for a, b in zip(begin, _clocks(), strict=True))
    return 1 - idle / max(total, 1)


def _clocks() -> tuple[int, int, int]:
    """Ticks of all processors since boot: in all, idle, taken by the host below."""
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(fields), fields[3] + fields[4], fields[7]
