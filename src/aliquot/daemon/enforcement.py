"""Whether a lease is enforced or advisory: whether its user reaches the device by another way.

A software device is a CPU driver that every process can load: always advisory. Of a GPU, its
device nodes decide: whoever may open one can use the device past the vGPU.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Collection, Iterable
from typing import Any

from aliquot.model.device import SOFTWARE
from aliquot.model.device_record import DeviceRecord


def enforced(device: DeviceRecord, user_id: int, groups: Collection[int]) -> bool:
    """Whether the user, in these groups, can use the device only through its vGPU."""
    if device.simulated or device.facts.get("kind") == SOFTWARE:
        return False
    nodes = device_nodes(device)
    # A device of which no node is known is in reach, for all that we can tell.
    return bool(nodes) and not any(may_open(node, user_id, groups) for node in nodes)


def device_nodes(device: DeviceRecord, root: str = "/dev") -> list[str]:
    """The device nodes by which programs use a GPU: its own and those for all of its vendor."""
    found: list[str] = []
    pci: dict[str, Any] = device.facts.get("pci") or {}
    address: str | None = pci.get("address")
    if address:
        found += glob.glob(os.path.join(root, "dri/by-path", f"pci-{glob.escape(address)}-*"))
    vendor = (device.facts.get("vendor") or "").casefold()
    if "nvidia" in vendor:
        found += glob.glob(os.path.join(root, "nvidia[0-9]*"))
    if "amd" in vendor or "advanced micro" in vendor:
        found += glob.glob(os.path.join(root, "kfd"))
    return sorted(found)


def may_open(node: str, user_id: int, groups: Iterable[int]) -> bool:
    """Whether a user may open a device node to read and write, or to do either."""
    try:
        status = os.stat(node)
    except OSError:
        return False
    if user_id == 0:
        return True
    if _has_acl(node):  # of which the mode tells only the mask
        return True
    if status.st_uid == user_id:
        bits = status.st_mode >> 6
    elif status.st_gid in groups:
        bits = status.st_mode >> 3
    else:
        bits = status.st_mode
    return bool(bits & (stat.S_IROTH | stat.S_IWOTH))


def _has_acl(node: str) -> bool:
    try:
        return "system.posix_acl_access" in os.listxattr(node)
    except OSError:
        return False
