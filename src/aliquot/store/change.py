"""Transactions: a View reads one moment, a Change writes all or nothing.

A Change holds the one row of `store_head` from its beginning (on SQLite the whole database), so
changes come one after another whatever the number of threads, processes and nodes. From that
follow, without further locks: what is reserved is reckoned on what is there and can't exceed a
device; events are numbered in the order of their commits, so that a watcher who has seen number n
has seen all before; and each node's audit is one chain. A change is short and a control plane makes
few: what that costs is measured by tests/performance/test_store.py.

Rows, events and audit rows are written by the same transaction. A crash leaves all of them or none.
"""

from __future__ import annotations

import json
import secrets
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, insert, select, update

from aliquot.errors import StoreTaken
from aliquot.model.audit import AuditRow, canonical_json
from aliquot.model.event import Event
from aliquot.store import tables
from aliquot.store.words import clean, cleaned

SYSTEM = "system"

# Every change runs these. Made once: building a statement costs as much as running it.
_HEAD = select(tables.store_head).with_for_update()
_NODE = select(tables.nodes).where(tables.nodes.c.name == bindparam("node"))
_EVENT_SEQUENCE = select(tables.store_head.c.event_sequence)
_ADD_EVENTS = insert(tables.events)
_ADD_AUDIT = insert(tables.audit)
_SET_NODE = update(tables.nodes).where(tables.nodes.c.name == bindparam("node"))
_SET_HEAD = update(tables.store_head)


class View:
    """A transaction that reads."""

    def __init__(self, connection: Connection, now_ms: int) -> None:
        """A view at `now_ms` on an open transaction."""
        self.connection = connection
        self.now_ms = now_ms

    def event_sequence(self) -> int:
        """The number of the newest event at this moment: who lists, watches from here on."""
        return self.connection.execute(_EVENT_SEQUENCE).scalar_one()


class Identity(NamedTuple):
    """Who writes: the node, and the how-manieth opening of the state by it this is."""

    node: str
    epoch: int


class Change(View):
    """A transaction that writes. Its events and audit rows are written at its end."""

    def __init__(self, connection: Connection, now_ms: int, identity: Identity, actor: str) -> None:
        """Begin: take the lock, and see that nobody has taken over; raises StoreTaken."""
        super().__init__(connection, now_ms)
        self.node = identity.node
        self.actor = clean(actor)
        head = connection.execute(_HEAD).one()
        self._sequence: int = head.event_sequence
        self.queue_tag: int = head.queue_tag
        self._queue_tag_before: int = head.queue_tag
        node = connection.execute(_NODE, {"node": identity.node}).one_or_none()
        if node is None or node.epoch != identity.epoch:
            by = node.opened_by if node else "a restored state"
            raise StoreTaken(f"{by} has taken over the state of node {identity.node!r}")
        self._audit_sequence: int = node.audit_sequence
        self._audit_hash: str = node.audit_hash
        self._events: list[Event] = []
        self._audit: list[dict[str, Any]] = []

    def tell(self, kind: str, subject: str, tenant: str = "", /, **body: Any) -> None:
        """Both an event and an audit row: something happened to `subject`."""
        self.tell_watchers(kind, subject, tenant, **body)
        self.note(kind, subject, **({"tenant": tenant} if tenant else {}), **body)

    def tell_watchers(self, kind: str, subject: str, tenant: str = "", /, **body: Any) -> None:
        """An event alone: something to watch that nobody has to answer for."""
        self._sequence += 1
        self._events.append(
            Event(
                sequence=self._sequence,
                at_ms=self.now_ms,
                node=self.node,
                kind=kind,
                subject=clean(subject),
                tenant=clean(tenant),
                body=cleaned(body),
            )
        )

    def note(self, action: str, subject: str, /, **body: Any) -> None:
        """An audit row alone: nobody watches it."""
        row = AuditRow(
            node=self.node,
            sequence=self._audit_sequence + 1,
            at_ms=self.now_ms,
            actor=self.actor,
            action=action,
            subject=clean(subject),
            body=canonical_json(cleaned(body)),
            previous=self._audit_hash,
            hash="",
        )
        row = row._replace(hash=row.computed_hash())
        self._audit.append(row._asdict())
        self._audit_sequence, self._audit_hash = row.sequence, row.hash

    def new_id(self) -> str:
        """An id that nobody guesses and that sorts by the order of making, whatever the clock says.

        Each thing that gets one tells an event of its making, so the number is its own.
        """
        return f"{self._sequence + 1:012x}{secrets.token_hex(10)}"

    def finish(self) -> list[Event]:
        """Write events, audit rows and the heads; returns the events."""
        if self._events:
            self.connection.execute(_ADD_EVENTS, [_row(event) for event in self._events])
        if self._audit:
            self.connection.execute(_ADD_AUDIT, self._audit)
            self.connection.execute(
                _SET_NODE,
                {
                    "node": self.node,
                    "audit_sequence": self._audit_sequence,
                    "audit_hash": self._audit_hash,
                },
            )
        if self._events or self.queue_tag != self._queue_tag_before:
            self.connection.execute(
                _SET_HEAD, {"event_sequence": self._sequence, "queue_tag": self.queue_tag}
            )
        return self._events


def _row(event: Event) -> dict[str, Any]:
    return {**msgspec.structs.asdict(event), "body": json.dumps(event.body)}
