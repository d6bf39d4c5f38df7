"""Receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from aliquot.api.operation import Query, Routes
from aliquot.api.parameters import Identity, PageLimit, ReceiptCursor, VgpuReference, Word
from aliquot.daemon.caller import Caller
from aliquot.model.api.leases import ReceiptPage, RunningReceipt

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

routes = Routes("receipts")


class OwnReceiptQuery(Query, frozen=True, kw_only=True):
    """Which receipts of a vGPU."""

    limit: PageLimit = 100
    cursor: ReceiptCursor | UnsetType = UNSET


class ReceiptQuery(OwnReceiptQuery, frozen=True, kw_only=True):
    """Which receipts."""

    vgpu: Word | UnsetType = UNSET
    lease: Identity | UnsetType = UNSET


@routes.get("/receipts")
def list_(service: Service, caller: Caller, query: ReceiptQuery) -> ReceiptPage:
    """A page of receipts, the newest first; they are kept for 30 days."""
    return service.receipts.list(caller, **query.given())


@routes.get("/vgpus/{vgpu}/receipts")
def of_vgpu(
    service: Service, caller: Caller, vgpu: VgpuReference, query: OwnReceiptQuery
) -> ReceiptPage:
    """A page of a vGPU's receipts, the newest first."""
    return service.receipts.list(caller, vgpu=vgpu, **query.given())


@routes.get("/vgpus/{vgpu}/receipt")
def now(service: Service, caller: Caller, vgpu: VgpuReference) -> RunningReceipt:
    """What the programs of a vGPU in use have had up to now."""
    return service.receipts.now(caller, vgpu)
