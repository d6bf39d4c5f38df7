"""What is forgotten, and when. Series need no sweeping: each is a ring of fixed length."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, Table, delete, func, select

from aliquot.store import clock
from aliquot.store.change import Change
from aliquot.store.tables import (
    events,
    groups,
    idempotency,
    labels,
    leases,
    receipts,
    series,
    series_subjects,
    tokens,
    vgpus,
)

_DAY_MS = 24 * 60 * 60 * 1000
RECEIPTS_MS = 30 * _DAY_MS
DELETED_VGPUS_MS = 30 * _DAY_MS
LEASES_MS = 30 * _DAY_MS
TOKENS_MS = 30 * _DAY_MS  # after they ended
EVENTS_MS = 7 * _DAY_MS
MOST_EVENTS = 100_000
IDEMPOTENCY_MS = _DAY_MS


class Swept(NamedTuple):
    """What a sweep did: whether it believed the clock, and how many rows it forgot."""

    believed: bool
    forgotten: int


def sweep(change: Change) -> Swept:
    """Forget what is older than its time; to be called every few minutes."""
    forgotten = _forget(change, events, events.c.sequence <= _last_event_too_many(change))
    if not clock.look(change):
        return Swept(False, forgotten)
    now = change.now_ms
    forgotten += _forget(change, receipts, receipts.c.ended_ms < now - RECEIPTS_MS)
    forgotten += _forget(change, idempotency, idempotency.c.at_ms < now - IDEMPOTENCY_MS)
    forgotten += _forget(change, events, events.c.sequence <= _last_old_event(change))
    ended = func.coalesce(tokens.c.revoked_ms, tokens.c.expires_ms)
    forgotten += _forget(change, tokens, ended < now - TOKENS_MS)
    forgotten += _forget(change, leases, leases.c.released_ms < now - LEASES_MS)
    return Swept(True, forgotten + _forget_vgpus(change, now - DELETED_VGPUS_MS))


def _forget_vgpus(change: Change, before_ms: int) -> int:
    gone = select(vgpus.c.id).where(vgpus.c.deleted_ms < before_ms)
    subjects = select(series_subjects.c.id).where(
        series_subjects.c.kind == "vgpu", series_subjects.c.name.in_(gone)
    )
    forgotten = _forget(change, series, series.c.subject_id.in_(subjects))
    forgotten += _forget(change, series_subjects, series_subjects.c.id.in_(subjects))
    forgotten += _forget(change, labels, labels.c.vgpu_id.in_(gone))
    forgotten += _forget(change, leases, leases.c.vgpu_id.in_(gone))
    forgotten += _forget(change, vgpus, vgpus.c.id.in_(gone))
    members = select(vgpus.c.group_id).where(vgpus.c.group_id.is_not(None))
    empty = groups.c.id.not_in(members) & (groups.c.created_ms < before_ms)
    return forgotten + _forget(change, groups, empty)


def _last_event_too_many(change: Change) -> int:
    return change.event_sequence() - MOST_EVENTS


def _last_old_event(change: Change) -> int:
    """Up to here all are old: of events whose times a jump has mixed up none is left in between."""
    young = select(func.min(events.c.sequence)).where(events.c.at_ms >= change.now_ms - EVENTS_MS)
    first: int | None = change.connection.execute(young).scalar()
    return change.event_sequence() if first is None else first - 1


def _forget(change: Change, table: Table, condition: ColumnElement[bool]) -> int:
    return change.connection.execute(delete(table).where(condition)).rowcount
