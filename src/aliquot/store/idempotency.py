"""Idempotency keys: a request that is sent again is answered again, and done once.

The answer is kept by the transaction that does the work. Whoever lost an answer asks again with the
same key, also after a crash of either side.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import delete, insert, select

from aliquot.errors import IdempotencyKeyReused
from aliquot.model.audit import canonical_json
from aliquot.store import codec
from aliquot.store.change import Change
from aliquot.store.tables import idempotency


def answer(change: Change, tenant: str, key: str, request: Any) -> dict[str, Any] | None:
    """What this request was answered before, or None; raises IdempotencyKeyReused."""
    row = change.connection.execute(
        select(idempotency).where(idempotency.c.tenant == tenant, idempotency.c.key == _hash(key))
    ).one_or_none()
    if row is None:
        return None
    if row.request != _hash(request):
        raise IdempotencyKeyReused(f"the key {key[:40]!r} was used for another request")
    return codec.read_fields(row.answer)


def remember(change: Change, tenant: str, key: str, request: Any, answer: dict[str, Any]) -> None:
    """Keep the answer, in the change that does what was asked."""
    change.connection.execute(
        insert(idempotency).values(
            tenant=tenant,
            key=_hash(key),
            request=_hash(request),
            answer=codec.written(answer),
            at_ms=change.now_ms,
        )
    )


def forget(change: Change, tenant: str, key: str) -> None:
    """Let a request be made anew: what it was answered with has been undone."""
    change.connection.execute(
        delete(idempotency).where(idempotency.c.tenant == tenant, idempotency.c.key == _hash(key))
    )


def _hash(request: Any) -> str:
    """The same length for all: keys may be long, and an index has its bounds."""
    return hashlib.sha256(canonical_json(codec.plain(request)).encode()).hexdigest()
