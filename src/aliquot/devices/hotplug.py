"""The kernel's own word that a device came or went, through pyudev where that is installed.

Polling finds the same, only up to its interval later; so this is never needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

_SUBSYSTEMS = ("pci", "drm", "mdev")
# One plug makes many events; what they are about is there a moment later.
_SETTLE_SECONDS = 0.1
_MOST_EVENTS = 1000


def waiter() -> Callable[[float], object] | None:
    """Waits so many seconds or for a device to come or go; None where pyudev can't be had."""
    try:
        udev: Any = importlib.import_module("pyudev")
        monitor: Any = udev.Monitor.from_netlink(udev.Context())
        for subsystem in _SUBSYSTEMS:
            monitor.filter_by(subsystem)
        monitor.start()
    except (ImportError, OSError, ValueError, AttributeError):
        return None

    def wait(seconds: float) -> None:
        if monitor.poll(timeout=seconds) is None:
            return
        for _ in range(_MOST_EVENTS):
            if monitor.poll(timeout=_SETTLE_SECONDS) is None:
                return

    return wait
