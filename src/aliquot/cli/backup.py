"""`aliquot backup`: the state of one moment in one file."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aliquot.cli.parser import Parser, add_json
from aliquot.sizes import format_size

_DESCRIPTION = """\
Writes the state (vGPUs, leases, the queue, profiles, tokens' hashes, events, series,
receipts, audit) as it is at one moment into a new file, while the daemon works on. The
file is an SQLite database that only you can read, also where the state is in
PostgreSQL. The state is in /var/lib/aliquot for root, else in $XDG_STATE_HOME/aliquot
or ~/.local/state/aliquot; ALIQUOT_STATE names another folder, or a PostgreSQL URL."""


def build_parser() -> Parser:
    """The options of `aliquot backup`."""
    parser = Parser(
        "backup",
        _DESCRIPTION,
        example="aliquot backup aliquot-before-upgrade.db",
        exit_status="0; 2 for an error; then there is no such file.",
    )
    parser.add_argument("file", metavar="FILE", help="the file to write; it must not exist")
    add_json(parser, "print what was written as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Write the backup."""
    given = build_parser().parse_args(arguments)
    from aliquot.store import backup, location

    written = backup.write(location.usual(), given.file)
    if given.json:
        print(json.dumps(written._asdict(), indent=2))
    else:
        print(f"{written.path}: {format_size(written.bytes)}, schema {written.schema}")
    return 0
