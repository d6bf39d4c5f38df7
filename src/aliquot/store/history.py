"""What was asked for in the past, as far as it is kept: vGPUs that are gone included."""

from __future__ import annotations

from sqlalchemy import or_, select

from aliquot.model.vgpu_record import VgpuRecord
from aliquot.store import vgpus
from aliquot.store.change import View
from aliquot.store.tables import vgpus as table


def asked_since(view: View, since_ms: int) -> list[VgpuRecord]:
    """All vGPUs that were there at some time since, the oldest first.

    Those deleted longer than 30 days ago are forgotten (retention.py).
    """
    there = or_(table.c.deleted_ms.is_(None), table.c.deleted_ms >= since_ms)
    rows = view.connection.execute(select(table).where(there).order_by(table.c.id))
    return [vgpus.record(tuple(row)) for row in rows]
