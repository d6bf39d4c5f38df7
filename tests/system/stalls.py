"""How long this machine stood still: what a bound on time has to leave out.

A promise such as "an error within a second" is about our code. On a shared machine a whole test may
be stopped for longer than that; without this, such a moment would look like a broken promise.
"""

from __future__ import annotations

import threading
import time

_NAP = 0.005
_GRAIN = 0.015  # sleeps that end later than this are no stall but the kernel's ordinary choice


class Stalls:
    """Watches while the `with` block runs, in a thread of its own that does nothing but nap."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._stood_still = 0.0
        self._last = time.monotonic()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Stalls:
        self._last = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def so_far(self) -> float:
        """Seconds that the machine stood still since the block began."""
        # A stall that has not been noticed yet counts as well.
        under_way = time.monotonic() - self._last - _NAP
        return self._stood_still + (under_way if under_way > _GRAIN else 0)

    def _watch(self) -> None:
        while not self._stop.is_set():
            time.sleep(_NAP)
            now = time.monotonic()
            late = now - self._last - _NAP
            if late > _GRAIN:
                self._stood_still += late
            self._last = now
