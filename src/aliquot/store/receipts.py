"""Receipts that are kept: where the time of each lease went, for thirty days."""

from __future__ import annotations

from sqlalchemy import insert, select, tuple_

from aliquot.model.receipt_record import ReceiptRecord
from aliquot.store import codec
from aliquot.store.change import Change, View
from aliquot.store.tables import receipts


def keep(change: Change, receipt: ReceiptRecord) -> None:
    """Keep a receipt; the same one again changes nothing, since a crash may have it told twice."""
    if get(change, receipt.id) is not None:
        return
    change.connection.execute(
        insert(receipts).values(
            id=receipt.id,
            vgpu_id=receipt.vgpu,
            tenant=receipt.tenant,
            ended_ms=receipt.ended_ms,
            body=codec.written(receipt),
        )
    )
    change.tell_watchers(
        "receipt.kept", receipt.id, receipt.tenant, vgpu=receipt.vgpu, lease=receipt.lease
    )


def get(view: View, receipt: str) -> ReceiptRecord | None:
    """The receipt of an id, or None."""
    body = view.connection.execute(select(receipts.c.body).where(receipts.c.id == receipt)).scalar()
    return None if body is None else codec.read_receipt(body)


def listed(
    view: View,
    *,
    vgpu: str | None = None,
    tenant: str | None = None,
    since_ms: int = 0,
    before: tuple[int, str] | None = None,
    limit: int = 1000,
) -> list[ReceiptRecord]:
    """Receipts, the newest first; `before` is end and id of the last one that was listed."""
    statement = select(receipts.c.body).where(receipts.c.ended_ms >= since_ms)
    if vgpu is not None:
        statement = statement.where(receipts.c.vgpu_id == vgpu)
    if tenant is not None:
        statement = statement.where(receipts.c.tenant == tenant)
    if before is not None:
        statement = statement.where(tuple_(receipts.c.ended_ms, receipts.c.id) < before)
    ordered = statement.order_by(receipts.c.ended_ms.desc(), receipts.c.id.desc()).limit(limit)
    return [codec.read_receipt(body) for body in view.connection.execute(ordered).scalars()]
