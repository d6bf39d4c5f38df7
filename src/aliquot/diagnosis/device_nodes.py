"""The device files by which drivers reach GPUs."""

from __future__ import annotations

import os
import re

_FOLDERS = {
    "/dev/dri": re.compile(r"renderD\d+"),
    "/dev": re.compile(r"nvidia\d+|nvidiactl|nvidia-uvm|nvidia-uvm-tools|kfd"),
}


def device_nodes() -> list[str]:
    """The paths of all GPU device files that the kernel shows here."""
    found: list[str] = []
    for folder, pattern in _FOLDERS.items():
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        found += [os.path.join(folder, name) for name in names if pattern.fullmatch(name)]
    return found
