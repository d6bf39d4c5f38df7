"""`aliquot profile`: named sizes of vGPUs, so that nobody has to know the figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aliquot.cli.confirm import add_yes, confirmed
from aliquot.cli.daemon import connect
from aliquot.cli.family import Family, Verb
from aliquot.cli.listed import print_listed
from aliquot.cli.names import checked_name
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.printable import printable
from aliquot.cli.share_options import add_shares
from aliquot.cli.told import print_told
from aliquot.cli.vgpu_options import shares_wanted
from aliquot.errors import UsageError
from aliquot.model.shares import PriorityClass, Shares
from aliquot.shares import format_shares
from aliquot.sizes import format_size, parse_size

if TYPE_CHECKING:
    from aliquot.model.api.vgpus import ProfileResource


def _put_parser() -> Parser:
    parser = Parser(
        "profile put",
        "Makes a profile, or puts it in place of the one of this name. vGPUs that were made with "
        "it stay as\nthey are. Only an admin may.",
        example='aliquot profile put small --memory 64MiB --compute 10 --description "for trying"',
        exit_status="0; 2 for an error.",
    )
    parser.add_argument("profile", metavar="NAME", help="its name")
    parser.add_argument("--memory", metavar="SIZE", help="memory quota, like 512MiB or 2GiB")
    add_shares(parser)
    parser.add_argument("--description", metavar="TEXT", default="", help="what it is for")
    add_json(parser, "print the profile as JSON")
    return parser


def _put(arguments: Sequence[str]) -> int:
    given = _put_parser().parse_args(arguments)
    name = checked_name(given.profile, "a profile's name")
    if given.memory is None:
        raise UsageError("a profile has a memory quota", remedy="give it with --memory")
    with connect() as client:
        from aliquot.model.api.vgpus import ProfileWanted

        wanted = ProfileWanted(
            memory=parse_size(given.memory),
            **shares_wanted(given),
            description=given.description,
        )
        profile = client.profiles.put(name, wanted)
    _print(profile, as_json=given.json)
    return 0


def _list_parser() -> Parser:
    parser = Parser(
        "profile list",
        "Lists the profiles, which 'aliquot create --profile' takes.",
        example="aliquot profile list",
        exit_status="0; 2 for an error.",
    )
    add_json(parser)
    return parser


def _list(arguments: Sequence[str]) -> int:
    given = _list_parser().parse_args(arguments)
    with connect() as client:
        profiles = client.profiles.list().items
    print_listed(
        "profiles",
        profiles,
        "there is no profile",
        ("profile", "memory", "share of the time", "description"),
        lambda profile: (
            profile.name,
            format_size(profile.memory),
            _shares(profile) or "what is left over",
            printable(profile.description),
        ),
        as_json=given.json,
        numbers=("memory",),
    )
    return 0


def _show_parser() -> Parser:
    parser = Parser(
        "profile show",
        "Tells of one profile.",
        example="aliquot profile show small",
        exit_status="0; 2 for an error.",
    )
    _add_profile(parser)
    add_json(parser, "print the profile as JSON")
    return parser


def _show(arguments: Sequence[str]) -> int:
    given = _show_parser().parse_args(arguments)
    with connect() as client:
        _print(client.profiles.show(given.profile), as_json=given.json)
    return 0


def _remove_parser() -> Parser:
    parser = Parser(
        "profile remove",
        "Removes a profile; vGPUs that were made with it stay as they are. Only an admin may.",
        example="aliquot profile remove small --yes",
        exit_status="0; 2 for an error, or where it was not confirmed.",
    )
    _add_profile(parser)
    add_yes(parser)
    return parser


def _remove(arguments: Sequence[str]) -> int:
    given = _remove_parser().parse_args(arguments)
    with connect() as client:
        profile = client.profiles.show(given.profile)
        confirmed(given, f"removing profile {profile.name}")
        client.profiles.remove(profile.name)
    print(f"profile {profile.name}: removed")
    return 0


def _add_profile(parser: Parser) -> None:
    parser.add_argument(
        "profile", metavar="PROFILE", help="its name, as 'aliquot profile list' prints it"
    )


def _shares(profile: ProfileResource) -> str:
    return format_shares(
        Shares(
            round(profile.compute * 100),
            round(profile.compute_limit * 100),
            profile.weight,
            PriorityClass[profile.priority.upper()],
        )
    )


def _print(profile: ProfileResource, *, as_json: bool) -> None:
    words = [format_size(profile.memory), _shares(profile)]
    about = f" ({printable(profile.description)})" if profile.description else ""
    line = f"profile {profile.name}: {', '.join(filter(None, words))}{about}"
    print_told(profile, lambda: line, as_json=as_json)


FAMILY = Family(
    "profile",
    "Profiles: sizes of vGPUs that have a name.",
    (
        Verb("put", "make a profile, or change it", _put_parser, _put),
        Verb("list", "list the profiles", _list_parser, _list),
        Verb("show", "tell of one profile", _show_parser, _show),
        Verb("remove", "remove a profile", _remove_parser, _remove),
    ),
)
build_parser = FAMILY.build_parser
main = FAMILY.main
