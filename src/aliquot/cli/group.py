"""`aliquot group`: vGPUs for one job, all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aliquot.cli.confirm import add_yes, confirmed
from aliquot.cli.daemon import connect, new_key
from aliquot.cli.family import Family, Verb
from aliquot.cli.listed import print_listed
from aliquot.cli.names import checked_name
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.told import print_told
from aliquot.cli.vgpu_options import add_wanted, wanted_of
from aliquot.errors import UsageError

if TYPE_CHECKING:
    from aliquot.client.rest import Client
    from aliquot.model.api.vgpus import GroupResource

_MOST = 64


def _create_parser() -> Parser:
    parser = Parser(
        "group create",
        "Makes several equal vGPUs for one job: all of them, or none. They are named after the "
        "group, as\nin pair-0 and pair-1, and each is on a device of its own, unless --together.",
        example="aliquot group create pair --count 2 --memory 64MiB",
        exit_status="0; 2 for an error: then there is none of them.",
    )
    parser.add_argument("group", metavar="NAME", help="its name, among your own groups")
    parser.add_argument(
        "--count", metavar="N", type=int, default=2, help="how many vGPUs (default: 2)"
    )
    parser.add_argument("--together", action="store_true", help="several may be on the same device")
    add_wanted(parser)
    add_json(parser, "print the group as JSON")
    return parser


def _create(arguments: Sequence[str]) -> int:
    given = _create_parser().parse_args(arguments)
    if not 1 <= given.count <= _MOST:
        raise UsageError(f"--count is not between 1 and {_MOST}")
    name = checked_name(given.group, "a group's name")
    names = [checked_name(f"{name}-{number}") for number in range(given.count)]
    with connect() as client:
        from aliquot.model.api.vgpus import GroupWanted

        wanted = [wanted_of(given, member) for member in names]
        made = client.groups.create(
            GroupWanted(name=name, vgpus=wanted, spread=not given.together),
            idempotency_key=new_key(),
        )
        _print(client, made, as_json=given.json)
    return 0


def _list_parser() -> Parser:
    parser = Parser(
        "group list",
        "Lists the groups with their vGPUs.",
        example="aliquot group list",
        exit_status="0; 2 for an error.",
    )
    add_json(parser)
    return parser


def _list(arguments: Sequence[str]) -> int:
    given = _list_parser().parse_args(arguments)
    with connect() as client:
        groups = client.groups.list().items
    from aliquot.cli.vgpu_words import clock

    print_listed(
        "groups",
        groups,
        "there is no group",
        ("group", "tenant", "vGPUs", "since (UTC)", "id"),
        lambda group: (
            group.name,
            group.tenant,
            ", ".join(f"{vgpu.name} ({vgpu.state})" for vgpu in group.vgpus),
            clock(group.created_ms),
            group.id,
        ),
        as_json=given.json,
    )
    return 0


def _show_parser() -> Parser:
    parser = Parser(
        "group show",
        "Tells of one group and its vGPUs.",
        example="aliquot group show pair",
        exit_status="0; 2 for an error.",
    )
    _add_group(parser)
    add_json(parser, "print the group as JSON")
    return parser


def _show(arguments: Sequence[str]) -> int:
    given = _show_parser().parse_args(arguments)
    with connect() as client:
        _print(client, client.groups.show(given.group), as_json=given.json)
    return 0


def _delete_parser() -> Parser:
    parser = Parser(
        "group delete",
        "Deletes a group with all its vGPUs, whoever uses them. On a terminal it asks before; "
        "without one\nit wants --yes.",
        example="aliquot group delete pair --yes",
        exit_status="0; 2 for an error, or where it was not confirmed.",
    )
    _add_group(parser)
    add_yes(parser)
    add_json(parser, "print the group as it was last, as JSON")
    return parser


def _delete(arguments: Sequence[str]) -> int:
    given = _delete_parser().parse_args(arguments)
    with connect() as client:
        group = client.groups.show(given.group)
        confirmed(given, f"deleting group {group.name} with its {len(group.vgpus)} vGPUs")
        deleted = client.groups.delete(group.id)
    line = f"group {group.name}: deleted, with {len(group.vgpus)} vGPUs"
    print_told(deleted, lambda: line, as_json=given.json)
    return 0


def _add_group(parser: Parser) -> None:
    parser.add_argument(
        "group", metavar="GROUP", help="its name or id, as 'aliquot group list' prints"
    )


def _print(client: Client, group: GroupResource, *, as_json: bool) -> None:
    print_told(group, lambda: _words(client, group), as_json=as_json)


def _words(client: Client, group: GroupResource) -> str:
    from aliquot.cli import vgpu_words

    devices = vgpu_words.devices_by_uuid(client)
    lines = [f"group {group.name} of {group.tenant}: {len(group.vgpus)} vGPUs"]
    lines += [f"  {vgpu_words.line(vgpu, devices)}" for vgpu in group.vgpus]
    return "\n".join(lines)


FAMILY = Family(
    "group",
    "vGPUs for one job: all of them are made, placed and deleted together, or none.",
    (
        Verb("create", "make a group of equal vGPUs", _create_parser, _create),
        Verb("list", "list the groups", _list_parser, _list),
        Verb("show", "tell of one group and its vGPUs", _show_parser, _show),
        Verb("delete", "delete a group with its vGPUs", _delete_parser, _delete),
    ),
)
build_parser = FAMILY.build_parser
main = FAMILY.main
