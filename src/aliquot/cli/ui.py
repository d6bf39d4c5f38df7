"""`aliquot ui`: the dashboard in a browser, by a link that is good once."""

from __future__ import annotations

import webbrowser
from collections.abc import Sequence

from aliquot.cli.daemon import connect
from aliquot.cli.parser import Parser, add_json
from aliquot.errors import NoDashboard


def build_parser() -> Parser:
    """The options of `aliquot ui`."""
    parser = Parser(
        "ui",
        "Opens the dashboard: a live picture of the devices, who uses them and through what. The "
        "link logs\nyour browser in as you, once and within a minute; the session ends after "
        "twelve hours, or with\n'log out'. The daemon has to listen on a port of this machine "
        "('aliquot serve --listen').",
        example="aliquot ui --print",
        exit_status="0; 2 for an error.",
    )
    parser.add_argument(
        "--print", action="store_true", help="print the link instead of opening a browser"
    )
    add_json(parser, "print the link and how long it is good as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Invite a browser."""
    given = build_parser().parse_args(arguments)
    with connect() as client:
        invitation = client.tokens.invite()
    if invitation.address is None:
        raise NoDashboard("the daemon listens on no port")
    # Behind the #, where it goes into no log and to no other server.
    link = f"{invitation.address}/#login={invitation.code}"
    if given.json:
        import json

        print(json.dumps({"link": link, "seconds": invitation.seconds}))
        return 0
    if given.print or not webbrowser.open(link):
        print(link)
    return 0
