"""`aliquot restore`: a backup in place of the state."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence

from aliquot.cli.parser import Parser, add_json

_DESCRIPTION = """\
Puts a backup in place of the state, whole or not at all. A backup of an older version
is brought up to date; one of a newer version is refused, and so is a state that a
daemon uses. In a state folder, what was there before is kept as replaced.db. The
backup may be of a state in a folder and the state in PostgreSQL, or the other way
round: so a state moves from one to the other. ALIQUOT_STATE says where the state is, as
for 'aliquot backup'."""


def build_parser() -> Parser:
    """The options of `aliquot restore`."""
    parser = Parser(
        "restore",
        _DESCRIPTION,
        example="aliquot restore aliquot-before-upgrade.db",
        exit_status="0; 2 for an error; then the state is as it was.",
    )
    parser.add_argument("file", metavar="FILE", help="the backup")
    add_json(parser, "print what was restored as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Restore the backup."""
    given = build_parser().parse_args(arguments)
    from aliquot.store import location
    from aliquot.store.restore import restore

    where = location.usual()
    actor = f"user {os.getuid()}"
    restored = restore(where, given.file, actor, time.time_ns() // 1_000_000)
    if given.json:
        print(json.dumps({**restored._asdict(), "state": where.shown}, indent=2))
    else:
        print(f"{where.shown}: restored from {restored.path}, schema {restored.schema}")
    return 0
