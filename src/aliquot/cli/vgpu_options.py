"""The options that say what vGPU is wanted: one kind for `create` and `group create`."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from aliquot.cli.labels import add_labels, labels_of
from aliquot.cli.parser import Parser
from aliquot.cli.share_options import add_copy_limit, add_shares, copy_limit_of, shares_of
from aliquot.sizes import LONGEST_WAIT_MS, parse_duration_ms, parse_size

if TYPE_CHECKING:
    from aliquot.model.api.vgpus import VgpuWanted


def add_wanted(parser: Parser) -> None:
    """Add all of them but the name."""
    parser.add_argument(
        "--memory",
        metavar="SIZE",
        help="memory quota, like 512MiB or 2GiB (default: the profile's, or all that is free)",
    )
    add_shares(parser)
    add_copy_limit(parser)
    parser.add_argument(
        "--profile", metavar="PROFILE", help="what this profile says, where nothing else is given"
    )
    parser.add_argument(
        "--device",
        metavar="D",
        help="the only device that will do: index, UUID or unique part of a name (default: any)",
    )
    parser.add_argument(
        "--placement",
        choices=["pack", "spread"],
        help="of several that fit, the fullest device or the emptiest (default: pack)",
    )
    parser.add_argument(
        "--apart",
        metavar="LABEL",
        help="not on a device with a vGPU that has the same value of this label",
    )
    add_labels(parser)
    parser.add_argument(
        "--ttl", metavar="TIME", help="delete it after this time, like 30m, 2h or 7d"
    )
    parser.add_argument(
        "--movable", action="store_true", help="made so that it can move to another device"
    )
    parser.add_argument(
        "--preemptible",
        action="store_true",
        help="of the class batch: may be suspended where a guarantee needs its place",
    )


def shares_wanted(given: Namespace) -> dict[str, Any]:
    """Those of the shares that are given, in percent as the API takes them."""
    shares = shares_of(given)
    told: dict[str, Any] = shares.as_dict()
    return {name: value for name, value in told.items() if getattr(given, name) is not None}


def wanted_of(given: Namespace, name: str, **more: Any) -> VgpuWanted:
    """What the options mean, as the API takes it; `more` are further fields of it."""
    from aliquot.model.api.vgpus import VgpuWanted
    from aliquot.model.vgpu_record import Placement

    return VgpuWanted(
        name=name,
        memory=parse_size(given.memory) if given.memory is not None else None,
        **shares_wanted(given),
        copy_limit=copy_limit_of(given),
        profile=given.profile,
        device=given.device,
        placement=Placement(given.placement or "pack"),
        apart=given.apart,
        labels=labels_of(given),
        ttl_ms=parse_duration_ms(given.ttl, LONGEST_WAIT_MS) if given.ttl is not None else None,
        movable=given.movable,
        preemptible=given.preemptible,
        **more,
    )
