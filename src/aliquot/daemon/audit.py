"""The audit, for admins; and what was denied, at a bounded rate."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

from aliquot.daemon.caller import Caller
from aliquot.model.api.node import AuditPage, AuditResource, AuditVerdict
from aliquot.model.audit import AuditRow
from aliquot.store import Store, audit
from aliquot.store.change import SYSTEM

# Rows of denials in a minute: who asks in a loop fills neither the disk nor the others' time.
MOST_DENIED = 30
_MINUTE = 60.0


class Audit:
    """The service's part for the audit."""

    def __init__(
        self, store: Store, node: str, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """The chain of `node` in `store`."""
        self._store = store
        self._node = node
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._minute = 0.0
        self._noted = 0
        self._passed_over = 0

    def list(self, caller: Caller, *, after: int = 0, limit: int = 500) -> AuditPage:  # noqa: ARG002
        """Rows after number `after`, oldest first; `next` is the `after` of the next page."""
        with self._store.look() as view:
            rows = audit.after(view, self._node, after, limit)
        return AuditPage(
            items=[_resource(row) for row in rows],
            next=rows[-1].sequence if len(rows) == limit else None,
        )

    def verify(self, caller: Caller) -> AuditVerdict:  # noqa: ARG002
        """Whether every node's chain is as it was written."""
        with self._store.look() as view:
            heads = audit.heads(view)
            broken = audit.verify(view)
        return AuditVerdict(
            intact=not broken,
            heads={head.node: f"{head.sequence}:{head.hash}" for head in heads},
            breaks=[f"node {found.node}, row {found.sequence}: {found.why}" for found in broken],
        )

    def denied(self, caller: Caller | None, operation: str, code: str) -> None:
        """Note that something was refused; beyond a rate only how often is noted."""
        with self._lock:
            now = self._monotonic()
            if now - self._minute >= _MINUTE:
                self._minute, self._noted = now, 0
            if self._noted >= MOST_DENIED:
                self._passed_over += 1
                return
            self._noted += 1
            passed_over, self._passed_over = self._passed_over, 0
        more = {"passed_over": passed_over} if passed_over else {}
        with self._store.change(caller.actor if caller else SYSTEM) as change:
            change.note("request.denied", operation or "api", code=code, **more)


def _resource(row: AuditRow) -> AuditResource:
    return AuditResource(**{**row._asdict(), "body": json.loads(row.body)})
