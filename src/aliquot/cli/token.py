"""`aliquot token`: what programs show to the daemon where it can't see whose they are."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aliquot.cli.daemon import connect
from aliquot.cli.family import Family, Verb
from aliquot.cli.listed import print_listed
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.printable import printable
from aliquot.cli.told import print_told
from aliquot.errors import UsageError
from aliquot.sizes import LONGEST_WAIT_MS, parse_duration_ms

if TYPE_CHECKING:
    from aliquot.model.api.node import TokenResource


def _create_parser() -> Parser:
    parser = Parser(
        "token create",
        "Makes a token for the daemon's TCP port. Its secret is told this once and can't be had "
        "again: the\ndaemon keeps a hash. With --file it goes into a new file that only you can "
        "read, which\nALIQUOT_TOKEN_FILE then names; without, it is printed.",
        example="aliquot token create ci --role viewer --ttl 30d --file ci.token",
        exit_status="0; 2 for an error: then there is no token.",
    )
    parser.add_argument("name", metavar="NAME", help="what it is for")
    parser.add_argument(
        "--role",
        choices=["viewer", "user", "admin"],
        default="user",
        help="what its holder may: look, use vGPUs of their own, or all (default: user)",
    )
    parser.add_argument(
        "--scope",
        metavar="WHAT:HOW",
        action="append",
        help="only this, like vgpus:read or leases:write; may be given several times",
    )
    parser.add_argument("--ttl", metavar="TIME", help="how long it holds, like 12h or 30d")
    parser.add_argument("--tenant", metavar="TENANT", help="for this tenant (only an admin may)")
    parser.add_argument("--file", metavar="FILE", help="write the secret here; it must not exist")
    add_json(parser, "print the token, with its secret unless --file, as JSON")
    return parser


def _create(arguments: Sequence[str]) -> int:
    given = _create_parser().parse_args(arguments)
    ttl_ms = parse_duration_ms(given.ttl, LONGEST_WAIT_MS) if given.ttl is not None else None
    with connect() as client:
        from msgspec.structs import replace

        from aliquot.model.access_token import Role
        from aliquot.model.api.node import TokenWanted

        wanted = TokenWanted(
            name=given.name,
            role=Role(given.role),
            scope=given.scope or [],
            ttl_ms=ttl_ms,
            tenant=given.tenant,
        )
        # Before there is a token: a secret with nowhere to go would be lost.
        target = _new_file(given.file) if given.file is not None else None
        try:
            token = client.tokens.create(wanted)
        except BaseException:
            if target is not None:
                os.close(target)
                os.unlink(str(given.file))
            raise
    secret = token.secret or ""
    if target is not None:
        with open(target, "w", encoding="ascii") as file:
            file.write(secret + "\n")
        token = replace(token, secret=None)
    if given.json:
        from aliquot.cli.output import print_json

        print_json(token)
        return 0
    kept = f"its secret is in {given.file}" if target is not None else "its secret comes this once"
    about = f"token {token.name}: {token.id}, {token.role.value}; {kept}"
    print(printable(about), file=sys.stderr)
    if target is None:
        print(secret)
    return 0


def _new_file(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            f"--file {path!r} can't be made ({reason})", remedy="name a file that isn't there yet"
        ) from error


def _list_parser() -> Parser:
    parser = Parser(
        "token list",
        "Lists the tokens, never their secrets.",
        example="aliquot token list",
        exit_status="0; 2 for an error.",
    )
    add_json(parser)
    return parser


def _list(arguments: Sequence[str]) -> int:
    given = _list_parser().parse_args(arguments)
    with connect() as client:
        tokens = client.tokens.list().items
    print_listed(
        "tokens",
        tokens,
        "there is no token",
        ("token", "tenant", "role", "scope", "made (UTC)", "ends (UTC)", "id"),
        _row,
        as_json=given.json,
    )
    return 0


def _row(token: TokenResource) -> list[str]:
    from aliquot.cli.vgpu_words import clock

    if token.revoked_ms is not None:
        ends = "revoked"
    else:
        ends = "never" if token.expires_ms is None else clock(token.expires_ms)
    return [
        printable(token.name),
        token.tenant,
        token.role.value,
        ", ".join(token.scope) or "all of its role",
        clock(token.created_ms),
        ends,
        token.id,
    ]


def _revoke_parser() -> Parser:
    parser = Parser(
        "token revoke",
        "Revokes a token: from now on its holder is refused, and so is whoever holds a token that "
        "was made\nby it.",
        example="aliquot token revoke ci",
        exit_status="0; 2 for an error.",
    )
    parser.add_argument(
        "token", metavar="TOKEN", help="its id, or its name if no other of yours has it; no secret"
    )
    add_json(parser, "print the token as JSON")
    return parser


def _revoke(arguments: Sequence[str]) -> int:
    given = _revoke_parser().parse_args(arguments)
    with connect() as client:
        token = client.tokens.revoke(given.token)
    print_told(token, lambda: printable(f"token {token.name}: revoked"), as_json=given.json)
    return 0


FAMILY = Family(
    "token",
    "Tokens for the daemon's TCP port. On its Unix socket the kernel says who asks.",
    (
        Verb("create", "make a token", _create_parser, _create),
        Verb("list", "list the tokens", _list_parser, _list),
        Verb("revoke", "refuse a token from now on", _revoke_parser, _revoke),
    ),
)
build_parser = FAMILY.build_parser
main = FAMILY.main
