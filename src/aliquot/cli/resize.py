"""`aliquot resize`: another share of the device's time for a vGPU that is in use."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aliquot.cli.parser import Parser, add_json
from aliquot.cli.share_options import NAMES, add_copy_limit, add_shares, copy_limit_of, shares_of
from aliquot.cli.vgpu_argument import add_vgpu, found_vgpu
from aliquot.errors import UsageError
from aliquot.shares import format_copy_limit, format_shares


def build_parser() -> Parser:
    """The options of `aliquot resize`."""
    parser = Parser(
        "resize",
        "Changes the share of the device's time that a vGPU in use was promised, or its limit of "
        "copies,\nat once and while its program runs. What isn't given stays as it is.",
        example="aliquot resize team-a --compute 40 --compute-limit 60",
        exit_status="0; 2 where it can't be done; then nothing has changed.",
    )
    add_vgpu(parser)
    add_shares(parser)
    add_copy_limit(parser)
    add_json(parser, "print the shares as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Resize the vGPU."""
    given = build_parser().parse_args(arguments)
    if all(getattr(given, name) is None for name in (*NAMES, "copy_limit")):
        raise UsageError(
            "there is nothing to change",
            remedy="give --compute, --compute-limit, --weight, --priority or --copy-limit",
        )
    # What can't be is told before anybody is asked.
    shares_of(given)
    copy_limit_of(given)
    with found_vgpu(given.vgpu, given.device) as (host, usage):
        shares = shares_of(given, usage.turns.shares)
        copy_limit = copy_limit_of(given, usage.copies.limit)
        host.resize_vgpu(usage.id, shares, copy_limit)
    if given.json:
        told = {"vgpu": usage.id, "name": usage.name, "device": usage.device_uuid}
        print(json.dumps({**told, **shares.as_dict(), "copy_limit": copy_limit}, indent=2))
    else:
        words = [format_shares(shares) or "what is left over", format_copy_limit(copy_limit)]
        print(f"vGPU {usage.name}: {', '.join(filter(None, words))}")
    return 0
