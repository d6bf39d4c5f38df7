"""`aliquot audit`: who did what, and whether all of it is as it was written."""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aliquot.cli.parser import Parser, add_json
from aliquot.errors import EXIT_PROBLEM, UsageError

if TYPE_CHECKING:
    from aliquot.model.audit import AuditHead, AuditRow
    from aliquot.store import Store

_DESCRIPTION = """\
list     who did what to which vGPU, lease, token, device; the newest rows, oldest first
verify   whether each node's rows are as they were written: each row holds the hash of
         the one before it, so the first that was altered, added or removed is named.
         Who can write the state can write a whole chain anew: the heads that the
         daemon sends to the system log, handed over with --log, show that, too"""

_MOST = 100_000


def build_parser() -> Parser:
    """The options of `aliquot audit`."""
    parser = Parser(
        "audit",
        _DESCRIPTION,
        example="aliquot audit list --subject 01a2193c865f24c4965ad49b8286c4bd\n"
        "  journalctl -t aliquot-audit | aliquot audit verify --log -",
        exit_status="0, 1 where a chain is broken, 2 for an error.",
    )
    parser.add_argument("what", choices=["list", "verify"], help="what to do")
    parser.add_argument("--node", metavar="NODE", help="list: of this node alone")
    parser.add_argument("--subject", metavar="ID", help="list: about this vGPU, lease and so on")
    parser.add_argument("--actor", metavar="WHO", help="list: what this one did")
    parser.add_argument(
        "--limit", metavar="N", type=int, default=100, help="list: rows at most (default: 100)"
    )
    parser.add_argument(
        "--log", metavar="FILE", help="verify: a system log with exported heads (-: standard input)"
    )
    add_json(parser)
    return parser


def main(arguments: Sequence[str]) -> int:
    """List or verify."""
    parser = build_parser()
    given = parser.parse_args(arguments)
    _check(parser, given)
    from aliquot.store import Store, location

    known = _heads_in(given.log) if given.log else []
    with Store.open_to_read(location.usual()) as store:
        return _list(store, given) if given.what == "list" else _verify(store, known, given)


def _check(parser: Parser, given: Namespace) -> None:
    foreign = ("node", "subject", "actor", "limit") if given.what == "verify" else ("log",)
    for option in foreign:
        if getattr(given, option) != parser.get_default(option):
            raise UsageError(f"--{option} is not an option of 'aliquot audit {given.what}'")
    if not 1 <= given.limit <= _MOST:
        raise UsageError(f"--limit is not between 1 and {_MOST}")


def _list(store: Store, given: Namespace) -> int:
    from aliquot.store import audit

    with store.look() as view:
        rows = audit.listed(
            view, node=given.node, subject=given.subject, actor=given.actor, limit=given.limit
        )
    if given.json:
        print(json.dumps({"audit": [row.as_dict() for row in rows]}, indent=2))
    elif rows:
        _print_table(rows)
    else:
        print("nothing was done that fits")
    return 0


def _verify(store: Store, known: list[AuditHead], given: Namespace) -> int:
    from aliquot.store import audit

    with store.look() as view:
        heads = audit.heads(view)
        broken = audit.verify(view, known)
    if given.json:
        told = {
            "sound": not broken,
            "heads": [head._asdict() for head in heads],
            "heads_in_log": len(known),
            "broken": [found._asdict() for found in broken],
        }
        print(json.dumps(told, indent=2))
    else:
        for head in heads:
            if not any(found.node == head.node for found in broken):
                print(f"node {head.node}: {head.sequence} rows, as they were written")
        for found in broken:
            print(f"node {found.node}: broken at row {found.sequence}: {found.why}")
        if given.log:
            print(f"compared with {len(known)} heads in the log")
    return EXIT_PROBLEM if broken else 0


def _heads_in(path: str) -> list[AuditHead]:
    from aliquot.store import audit

    if path == "-":
        return audit.heads_in(sys.stdin)
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            return audit.heads_in(lines)
    except OSError as error:
        raise UsageError(f"--log {path!r} can't be read: {error.strerror}") from error


def _print_table(rows: list[AuditRow]) -> None:
    from aliquot.cli.tables import Column, console, table

    headings = (
        Column("time (UTC)"),
        Column("node"),
        Column("row", right=True),
        Column("who"),
        Column("did"),
        Column("to"),
        Column("what"),
    )
    shown = [
        [
            time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(row.at_ms / 1000)),
            row.node,
            str(row.sequence),
            row.actor,
            row.action,
            row.subject,
            row.body,
        ]
        for row in rows
    ]
    console().print(table(headings, shown))
