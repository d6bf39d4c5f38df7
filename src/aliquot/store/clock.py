"""When to believe the clock: what time alone decides, and what can't be undone, waits for that.

A machine's clock may jump, by hand or when the network's time arrives. A jump must not forget what
is kept for thirty days, nor delete a vGPU whose time isn't over. So the store looks at the clock at
every sweep (every few minutes), and after a gap or a step back it forgets nothing for an hour: a
clock that was wrong for less than that does no harm. The same hour passes after a long stop.
"""

from __future__ import annotations

from sqlalchemy import select, update

from aliquot.store.change import Change, View
from aliquot.store.tables import store_head

LONGEST_STEP_MS = 60 * 60 * 1000
DOUBT_MS = 60 * 60 * 1000


def believed(view: View) -> bool:
    """Whether the clock has gone on steadily for an hour up to now."""
    head = view.connection.execute(
        select(store_head.c.swept_ms, store_head.c.trusted_from_ms)
    ).one()
    return _steady(head.swept_ms, view.now_ms) and view.now_ms >= head.trusted_from_ms


def look(change: Change) -> bool:
    """Look at the clock; returns whether it is believed."""
    head = change.connection.execute(select(store_head)).one()
    trusted_from: int = head.trusted_from_ms
    if not _steady(head.swept_ms, change.now_ms):
        trusted_from = change.now_ms + DOUBT_MS
    change.connection.execute(
        update(store_head).values(swept_ms=change.now_ms, trusted_from_ms=trusted_from)
    )
    return change.now_ms >= trusted_from


def _steady(swept_ms: int, now_ms: int) -> bool:
    return 0 <= now_ms - swept_ms <= LONGEST_STEP_MS
