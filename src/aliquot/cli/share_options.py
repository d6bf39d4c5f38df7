"""The options that say which share of a device's time a vGPU gets: one kind for all commands."""

from __future__ import annotations

from argparse import Namespace

from aliquot.cli.parser import Parser
from aliquot.model.shares import Shares
from aliquot.shares import (
    PRIORITY_CLASSES,
    checked,
    parse_copy_limit,
    parse_guarantee,
    parse_percent,
    parse_priority,
    parse_weight,
)

NAMES = ("compute", "compute_limit", "weight", "priority")


def add_shares(parser: Parser) -> None:
    """Add --compute, --compute-limit, --weight and --priority."""
    parser.add_argument(
        "--compute",
        metavar="PERCENT",
        help="share of the device's time that the vGPU can always get, like 25 or 12.5 "
        "(none: what is left over)",
    )
    parser.add_argument(
        "--compute-limit",
        metavar="PERCENT",
        help="share that it never exceeds, even where nobody else wants the device (100: all)",
    )
    parser.add_argument(
        "--weight", metavar="N", help="its part of what is left over, from 1 (usual) to 1000"
    )
    parser.add_argument(
        "--priority",
        choices=PRIORITY_CLASSES,
        type=_known_priority,
        help="its priority class (usual: normal)",
    )


def add_copy_limit(parser: Parser) -> None:
    """Add --copy-limit."""
    parser.add_argument(
        "--copy-limit",
        metavar="SIZE",
        help="bytes that it copies to, from and on the device in a second at most, like 500MiB "
        "(none: as many as its share of the time allows)",
    )


def copy_limit_of(given: Namespace, before: int = 0) -> int:
    """The limit of copies that the option means; where it isn't given, that from before."""
    return before if given.copy_limit is None else parse_copy_limit(given.copy_limit)


def shares_of(given: Namespace, before: Shares = Shares()) -> Shares:  # noqa: B008 - a constant
    """The shares that the options mean; what isn't given stays as before."""
    shares = before
    if given.compute is not None:
        shares = shares._replace(guarantee=parse_guarantee(given.compute))
    if given.compute_limit is not None:
        shares = shares._replace(limit=parse_percent(given.compute_limit, "--compute-limit"))
    if given.weight is not None:
        shares = shares._replace(weight=parse_weight(given.weight))
    if given.priority is not None:
        shares = shares._replace(priority=parse_priority(given.priority))
    return checked(shares)


def _known_priority(text: str) -> str:
    """The same word: argparse would refuse an unknown one without our code."""
    parse_priority(text)
    return text
