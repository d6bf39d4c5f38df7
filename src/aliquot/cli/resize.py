"""`aliquot resize`: another share of the device's time for a vGPU that is in use."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aliquot.cli.choose_vgpu import choose_vgpu, device_uuid_of
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.share_options import NAMES, add_shares, shares_of
from aliquot.client.device_host import running_hosts
from aliquot.errors import UsageError
from aliquot.shares import format_shares


def build_parser() -> Parser:
    """The options of `aliquot resize`."""
    parser = Parser(
        "resize",
        "Changes the share of the device's time that a vGPU in use was promised, at once and "
        "while\nits program runs. What isn't given stays as it is.",
        example="aliquot resize team-a --compute 40 --compute-limit 60",
        exit_status="0; 2 where it can't be done; then nothing has changed.",
    )
    parser.add_argument("vgpu", metavar="VGPU", help="name or number, as 'aliquot vgpus' prints")
    parser.add_argument(
        "--device",
        metavar="D",
        help="index, UUID or unique part of the name of its device, where vGPUs of several fit",
    )
    add_shares(parser)
    add_json(parser, "print the shares as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Resize the vGPU."""
    given = build_parser().parse_args(arguments)
    if all(getattr(given, name) is None for name in NAMES):
        raise UsageError(
            "there is nothing to change",
            remedy="give --compute, --compute-limit, --weight or --priority",
        )
    shares_of(given)  # what can't be is told before anybody is asked
    device_uuid = device_uuid_of(given.device)
    hosts = running_hosts()
    try:
        host, usage = choose_vgpu(given.vgpu, hosts, device_uuid)
        shares = shares_of(given, usage.turns.shares)
        host.resize_vgpu(usage.id, shares)
    finally:
        for one in hosts:
            one.close()
    if given.json:
        told = {"vgpu": usage.id, "name": usage.name, "device": usage.device_uuid}
        print(json.dumps({**told, **shares.as_dict()}, indent=2))
    else:
        print(f"vGPU {usage.name}: {format_shares(shares) or 'what is left over'}")
    return 0
