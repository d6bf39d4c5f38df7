"""A receipt that is kept: where the time of a lease went."""

from __future__ import annotations

from typing import Any

import msgspec


class ReceiptRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt at the end of a lease. `promise` and `spending` are as `--json` tells them.

    `told` is what the device host told at that end, of all that had used the vGPU until then.
    """

    id: str
    vgpu: str
    vgpu_name: str
    tenant: str
    lease: str
    began_ms: int
    ended_ms: int
    promise: dict[str, Any]
    spending: dict[str, Any]
    told: dict[str, int] = {}
