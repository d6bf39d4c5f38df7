"""The audit: rows that are only ever added, one chain of hashes a node.

The database refuses to change or remove a row (a trigger). Who goes around it breaks the chain, and
`verify` names the first row that isn't as it was written. Who rewrites a whole chain, or cuts its
end off and mends the head, is found by the heads that were sent to the system log: hand them to
`verify`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import select

from aliquot.model.audit import FIRST_PREVIOUS, AuditBreak, AuditHead, AuditRow
from aliquot.store.change import View
from aliquot.store.tables import audit, nodes

LOG_NAME = "aliquot-audit"
_TOLD = re.compile(r"audit head node=(\S+) sequence=(\d{1,18}) sha256=([0-9a-f]{64})", re.ASCII)
_AT_ONCE = 2000


def listed(
    view: View,
    *,
    node: str | None = None,
    subject: str | None = None,
    actor: str | None = None,
    since_ms: int | None = None,
    limit: int = 1000,
) -> list[AuditRow]:
    """The newest rows that fit, oldest first."""
    statement = select(audit)
    if node is not None:
        statement = statement.where(audit.c.node == node)
    if subject is not None:
        statement = statement.where(audit.c.subject == subject)
    if actor is not None:
        statement = statement.where(audit.c.actor == actor)
    if since_ms is not None:
        statement = statement.where(audit.c.at_ms >= since_ms)
    newest_first = statement.order_by(
        audit.c.at_ms.desc(), audit.c.node.desc(), audit.c.sequence.desc()
    )
    rows = [AuditRow(*row) for row in view.connection.execute(newest_first.limit(limit))]
    # By number within a node: a clock that was set back doesn't turn the order around.
    return sorted(rows, key=lambda row: (row.node, row.sequence))


def after(view: View, node: str, sequence: int, limit: int) -> list[AuditRow]:
    """The rows of a node's chain after number `sequence`, oldest first, up to `limit`."""
    statement = (
        select(audit)
        .where(audit.c.node == node, audit.c.sequence > sequence)
        .order_by(audit.c.sequence)
        .limit(limit)
    )
    return [AuditRow(*row) for row in view.connection.execute(statement)]


def heads(view: View) -> list[AuditHead]:
    """The newest row of each node's chain, as the nodes' rows tell."""
    rows = view.connection.execute(
        select(nodes.c.name, nodes.c.audit_sequence, nodes.c.audit_hash).order_by(nodes.c.name)
    )
    return [AuditHead(*row) for row in rows]


def verify(view: View, known: Iterable[AuditHead] = ()) -> list[AuditBreak]:
    """The first broken row of each chain; nothing where all is as it was written.

    `known` are heads from elsewhere: each must be a row of its chain.
    """
    kept = {head.node: head for head in heads(view)}
    elsewhere: dict[str, dict[int, str]] = {}
    for head in known:
        elsewhere.setdefault(head.node, {})[head.sequence] = head.hash
    with_rows = view.connection.execute(select(audit.c.node).distinct()).scalars()
    names = sorted({*kept, *elsewhere, *with_rows})
    broken = (_first_break(view, name, kept.get(name), elsewhere.get(name, {})) for name in names)
    return [found for found in broken if found]


def line_of(head: AuditHead) -> str:
    """A head as a line of the system log."""
    return f"audit head node={head.node} sequence={head.sequence} sha256={head.hash}"


def heads_in(lines: Iterable[str]) -> list[AuditHead]:
    """The heads that lines of a log tell."""
    found = (_TOLD.search(line) for line in lines)
    return [AuditHead(match[1], int(match[2]), match[3]) for match in found if match]


def export_heads(view: View) -> list[AuditHead]:
    """Send each head to the system log, where whoever can change the state may not change it."""
    import syslog

    told = [head for head in heads(view) if head.sequence]
    syslog.openlog(LOG_NAME, facility=syslog.LOG_AUTH)
    for head in told:
        syslog.syslog(syslog.LOG_NOTICE, line_of(head))
    syslog.closelog()
    return told


def _first_break(
    view: View, node: str, head: AuditHead | None, elsewhere: dict[int, str]
) -> AuditBreak | None:
    sequence, before = 0, FIRST_PREVIOUS
    statement = select(audit).where(audit.c.node == node).order_by(audit.c.sequence)
    rows = view.connection.execute(statement.execution_options(yield_per=_AT_ONCE))
    for found in rows:
        row = AuditRow(*found)
        sequence += 1
        why = _why_broken(row, sequence, before, elsewhere)
        if why:
            rows.close()
            return AuditBreak(node, min(sequence, row.sequence), why)
        before = row.hash
    told = max(elsewhere, default=0)
    if head is None:
        return AuditBreak(node, sequence, "the node's own entry is missing")
    if head.sequence > sequence or told > sequence:
        return AuditBreak(node, sequence + 1, "this row and what came after it are missing")
    if (head.sequence, head.hash) != (sequence, before):
        return AuditBreak(node, head.sequence + 1, "rows were added after the chain's head")
    return None


def _why_broken(row: AuditRow, sequence: int, before: str, elsewhere: dict[int, str]) -> str | None:
    if row.sequence != sequence:
        return f"row {sequence} is missing"
    if row.previous != before:
        return "it doesn't follow the row before it"
    if row.computed_hash() != row.hash:
        return "its content was changed"
    if elsewhere.get(sequence, row.hash) != row.hash:
        return "the system log tells another hash: the chain was written anew"
    return None
