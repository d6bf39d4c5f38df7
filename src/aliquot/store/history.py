"""What was asked for in the past, as far as it is kept: vGPUs that are gone included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import msgspec
from sqlalchemy import or_, select

from aliquot.model.vgpu_record import Asked, VgpuRecord, VgpuSpec
from aliquot.store import vgpus
from aliquot.store.change import View
from aliquot.store.tables import audit
from aliquot.store.tables import vgpus as table

_TELLING = ("vgpu.spec", "vgpu.wanted")  # rows of the audit that hold a spec


class _Row(msgspec.Struct):
    """What matters of such a row."""

    spec: VgpuSpec


_read = msgspec.json.Decoder(_Row).decode


def asked_since(view: View, since_ms: int) -> list[VgpuRecord]:
    """All vGPUs that were there at some time since, the oldest first.

    Those deleted longer than 30 days ago are forgotten (retention.py).
    """
    there = or_(table.c.deleted_ms.is_(None), table.c.deleted_ms >= since_ms)
    rows = view.connection.execute(select(table).where(there).order_by(table.c.id))
    return [vgpus.record(tuple(row)) for row in rows]


def specs_of(view: View, ids: Collection[str]) -> dict[str, list[Asked]]:
    """By vGPU all that was wanted of it, the oldest first, as the audit tells.

    That is kept for good. What a version wrote that is not understood any more is left out.
    """
    statement = (
        select(audit.c.subject, audit.c.at_ms, audit.c.body)
        .where(audit.c.action.in_(_TELLING))
        .order_by(audit.c.node, audit.c.sequence)
    )
    wanted = frozenset(ids)
    found: dict[str, list[Asked]] = defaultdict(list)
    for subject, at_ms, body in view.connection.execute(statement):
        if subject in wanted:
            try:
                found[subject].append(Asked(at_ms, _read(body).spec))
            except msgspec.MsgspecError:
                continue
    return dict(found)
