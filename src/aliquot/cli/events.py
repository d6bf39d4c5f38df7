"""`aliquot events`: what happened, and what happens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aliquot.cli.daemon import connect
from aliquot.cli.parser import Parser, add_json
from aliquot.errors import UsageError

if TYPE_CHECKING:
    from aliquot.model.api.node import EventResource

_MOST = 10_000


def build_parser() -> Parser:
    """The options of `aliquot events`."""
    parser = Parser(
        "events",
        "Lists the newest events of what you may see: vGPUs, leases, devices, receipts. With "
        "--follow it\ngoes on with what happens, each event once, until Ctrl-C.",
        example="aliquot events --limit 20",
        exit_status="0; 130 after Ctrl-C; 2 for an error.",
    )
    parser.add_argument("--follow", action="store_true", help="go on with what happens")
    parser.add_argument(
        "--since", metavar="NUMBER", type=int, help="those after the event of this number, all"
    )
    parser.add_argument(
        "--limit", metavar="N", type=int, default=20, help="how many of the newest (default: 20)"
    )
    parser.add_argument("--subject", metavar="ID", help="about this vGPU, lease or device alone")
    add_json(parser, "print JSON: with --follow a line each")
    return parser


def main(arguments: Sequence[str]) -> int:
    """List the events, or follow them."""
    given = build_parser().parse_args(arguments)
    if not 0 <= given.limit <= _MOST:
        raise UsageError(f"--limit is not between 0 and {_MOST}")
    with connect() as client:
        from aliquot.cli.recent_events import after, newest

        if given.since is not None:
            listed, sequence = after(client, given.since)
        else:
            listed, sequence = newest(client, given.limit)
        listed = [event for event in listed if given.subject in (None, event.subject)]
        if given.json and not given.follow:
            from aliquot.cli.output import print_json

            print_json({"events": listed, "sequence": sequence})
            return 0
        for event in listed:
            _print(event, as_json=given.json)
        if given.follow:
            for event in client.watch(sequence):
                if given.subject in (None, event.subject):
                    _print(event, as_json=given.json)
    return 0


def _print(event: EventResource, *, as_json: bool) -> None:
    if as_json:
        import msgspec

        print(msgspec.json.encode(event).decode(), flush=True)
        return
    from aliquot.cli.printable import printable
    from aliquot.cli.vgpu_words import clock

    body = " ".join(f"{name}={_word(value)}" for name, value in event.body.items())
    line = f"{clock(event.at_ms)}  {event.kind}  {event.subject}  {event.tenant}  {body}"
    print(printable(line.rstrip()), flush=True)


def _word(value: object) -> str:
    return value if isinstance(value, str) and " " not in value else json.dumps(value)
