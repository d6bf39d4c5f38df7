"""A device as it is kept: what there is to divide, and how much of it is set aside."""

from __future__ import annotations

from typing import Any

import msgspec

from aliquot.model.shares import WHOLE


class DeviceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A device of a node. Memory is in bytes, guarantees in hundredths of a percent.

    `facts` is what discovery tells, `settings` what its owner set (the policy, say); the store
    looks into neither.
    """

    uuid: str
    node: str
    name: str
    memory: int
    present: bool = True
    simulated: bool = False
    facts: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    reserved_memory: int = 0
    reserved_guarantee: int = 0
    seen_ms: int = 0

    @property
    def free_memory(self) -> int:
        """What can still be reserved."""
        return max(0, self.memory - self.reserved_memory)

    @property
    def free_guarantee(self) -> int:
        """What can still be promised of its time."""
        return WHOLE - self.reserved_guarantee
