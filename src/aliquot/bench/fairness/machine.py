"""What else the machine does while something is measured on it."""

from __future__ import annotations

import os
import time
from typing import Any, NamedTuple


class Clocks(NamedTuple):
    """Ticks of all processors since boot: in all, idle, and taken by the host of a VM."""

    total: int
    idle: int
    stolen: int

    @classmethod
    def now(cls) -> Clocks:
        """The ticks by now; zeros where the kernel doesn't tell them."""
        try:
            with open("/proc/stat", encoding="ascii") as file:
                fields = [int(word) for word in file.readline().split()[1:9]]
        except (OSError, ValueError):
            return cls(0, 0, 0)
        return cls(sum(fields), fields[3] + fields[4], fields[7])

    def since(self, before: Clocks) -> Clocks:
        """The ticks since an earlier time."""
        return Clocks(*(now - then for now, then in zip(self, before, strict=True)))


class Noise(NamedTuple):
    """How busy the machine was, beside what was measured; parts of all processors."""

    load: float  # average over the last minute, what was measured included
    others: float  # busy though nothing of ours ran, just before
    stolen: float  # taken by the host of a virtual machine, meanwhile

    def as_dict(self) -> dict[str, Any]:
        """The noise for `--json`."""
        return self._asdict()


class NoiseMeter:
    """Looks at the machine before something is measured, and after it."""

    def __init__(self, seconds: float = 0.5) -> None:
        """Look for so long; nothing of ours may run."""
        before = Clocks.now()
        time.sleep(seconds)
        self._begin = Clocks.now()
        idle = self._begin.since(before)
        self._others = 1 - idle.idle / idle.total if idle.total else 0.0

    def noise(self) -> Noise:
        """What the machine did since then."""
        since = Clocks.now().since(self._begin)
        stolen = since.stolen / since.total if since.total else 0.0
        return Noise(os.getloadavg()[0], self._others, stolen)
