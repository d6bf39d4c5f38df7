"""Leases and receipts, as the API tells them."""

from __future__ import annotations

from typing import Any

import msgspec

from aliquot.model.api.common import Milliseconds
from aliquot.model.lease import LeaseKind


class LeaseResource(msgspec.Struct, frozen=True, kw_only=True):
    """A lease. `enforced`: its user can't reach the device by another way; else advisory."""

    id: str
    vgpu: str
    vgpu_name: str
    tenant: str
    kind: LeaseKind
    process_id: int
    user_id: int | None
    holder: str
    enforced: bool
    since_ms: Milliseconds
    released_ms: int | None = None
    ending: str = ""


class LeasePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of leases."""

    items: list[LeaseResource]
    next: str | None = None


class ReceiptResource(msgspec.Struct, frozen=True, kw_only=True):
    """Where the time of a lease went; `promise` and `spending` as `aliquot run --json` tells."""

    id: str
    vgpu: str
    vgpu_name: str
    tenant: str
    lease: str
    began_ms: Milliseconds
    ended_ms: Milliseconds
    promise: dict[str, Any]
    spending: dict[str, Any]


class RunningReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the programs of a vGPU in use have had up to now: sums, for who compares two moments.

    `promise` and `received` as in the receipt of a lease.
    """

    vgpu: str
    vgpu_name: str
    promise: dict[str, Any]
    received: dict[str, int]


class ReceiptPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of receipts, the newest first."""

    items: list[ReceiptResource]
    next: str | None = None
