"""`aliquot resize`: another share of the device's time, or memory, for a vGPU that is in use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aliquot.cli.parser import Parser, add_json
from aliquot.cli.share_options import NAMES, add_copy_limit, add_shares, copy_limit_of, shares_of
from aliquot.cli.vgpu_argument import add_vgpu, found_vgpu
from aliquot.errors import UsageError
from aliquot.shares import format_copy_limit, format_shares
from aliquot.sizes import format_size, parse_size


def build_parser() -> Parser:
    """The options of `aliquot resize`."""
    parser = Parser(
        "resize",
        "Changes the memory of a vGPU in use, the share of the device's time that it was promised, "
        "or its\nlimit of copies, at once and while its program runs. What isn't given stays as it "
        "is.\n\nPrograms that run go on with the maximum of one buffer that they were told; those "
        "that\nstart later are told of the new size. Less memory than is in use is refused.",
        example="aliquot resize team-a --memory 8GiB --compute 40 --compute-limit 60",
        exit_status="0; 2 where it can't be done; then nothing has changed.",
    )
    add_vgpu(parser)
    parser.add_argument("--memory", metavar="SIZE", help="memory quota, like 512MiB or 2GiB")
    add_shares(parser)
    add_copy_limit(parser)
    add_json(parser, "print memory and shares as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Resize the vGPU."""
    given = build_parser().parse_args(arguments)
    if all(getattr(given, name) is None for name in (*NAMES, "copy_limit", "memory")):
        raise UsageError(
            "there is nothing to change",
            remedy="give --memory, --compute, --compute-limit, --weight, --priority or "
            "--copy-limit",
        )
    # What can't be is told before anybody is asked.
    shares_of(given)
    copy_limit_of(given)
    memory = parse_size(given.memory) if given.memory is not None else 0
    with found_vgpu(given.vgpu, given.device) as (host, usage):
        shares = shares_of(given, usage.turns.shares)
        copy_limit = copy_limit_of(given, usage.copies.limit)
        host.resize_vgpu(usage.id, shares, copy_limit, memory=memory)
    if given.json:
        told: dict[str, Any] = {"vgpu": usage.id, "name": usage.name, "device": usage.device_uuid}
        told["memory"] = memory or usage.memory_limit
        print(json.dumps({**told, **shares.as_dict(), "copy_limit": copy_limit}, indent=2))
    else:
        words = [
            format_size(memory) if memory else "",
            format_shares(shares) or "what is left over",
            format_copy_limit(copy_limit),
        ]
        print(f"vGPU {usage.name}: {', '.join(filter(None, words))}")
    return 0
