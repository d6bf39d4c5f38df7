"""Events for those who watch: in the order of the commits, numbered without gaps."""

from __future__ import annotations

from sqlalchemy import func, select

from aliquot.errors import EventsForgotten
from aliquot.model.event import Event
from aliquot.store import codec
from aliquot.store.change import View
from aliquot.store.tables import events

MOST_AT_ONCE = 1000


def since(
    view: View, sequence: int, *, tenant: str | None = None, limit: int = MOST_AT_ONCE
) -> list[Event]:
    """The events after number `sequence`, oldest first; of one tenant, those of its own.

    Raises EventsForgotten where some of them are no longer kept, or `sequence` is from another
    account: the watcher would miss something without knowing.
    """
    newest = view.event_sequence()
    oldest = view.connection.execute(select(func.min(events.c.sequence))).scalar()
    # Without any event all up to the newest number are forgotten.
    first = newest + 1 if oldest is None else int(oldest)
    if sequence > newest or sequence < first - 1:
        raise EventsForgotten(f"events after {sequence} are asked for, and the first is {first}")
    statement = select(events).where(events.c.sequence > sequence)
    if tenant is not None:
        statement = statement.where(events.c.tenant == tenant)
    return [
        Event(
            sequence=row.sequence,
            at_ms=row.at_ms,
            node=row.node,
            kind=row.kind,
            subject=row.subject,
            tenant=row.tenant,
            body=codec.read_fields(row.body),
        )
        for row in view.connection.execute(statement.order_by(events.c.sequence).limit(limit))
    ]
