"""`aliquot resize`: another share of the device's time, or memory, for a vGPU that is in use."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aliquot.cli.daemon import connect_if_any, new_key
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.share_options import NAMES, add_copy_limit, add_shares, copy_limit_of, shares_of
from aliquot.cli.vgpu_argument import add_vgpu, found_vgpu
from aliquot.cli.vgpu_options import shares_wanted
from aliquot.errors import NoDaemon, UsageError
from aliquot.shares import format_copy_limit, format_shares
from aliquot.sizes import LONGEST_WAIT_MS, format_size, parse_duration_ms, parse_size

if TYPE_CHECKING:
    from aliquot.client.rest import Client

_NEVER = "none"

_DESCRIPTION = """\
Changes the memory of a vGPU in use, the share of the device's time that it was promised, or
its limit of copies, at once and while its program runs. What isn't given stays as it is.

Programs that run go on with the maximum of one buffer that they were told; those that
start later are told of the new size. Less memory than is in use is refused, with the
figure; with --evict the vGPU is suspended instead, and its memory moves to the host."""


def build_parser() -> Parser:
    """The options of `aliquot resize`."""
    parser = Parser(
        "resize",
        _DESCRIPTION,
        example="aliquot resize train --memory 512MiB --compute 40 --compute-limit 60",
        exit_status="0; 2 where it can't be done; then nothing has changed.",
    )
    add_vgpu(parser)
    parser.add_argument("--memory", metavar="SIZE", help="memory quota, like 512MiB or 2GiB")
    add_shares(parser)
    add_copy_limit(parser)
    parser.add_argument(
        "--ttl", metavar="TIME", help="delete it after this time from now, like 2h (none: never)"
    )
    parser.add_argument(
        "--evict",
        action="store_true",
        help="where more memory is in use than the new size, suspend it instead of refusing",
    )
    add_json(parser, "print memory and shares as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Resize the vGPU."""
    given = build_parser().parse_args(arguments)
    if all(getattr(given, name) is None for name in (*NAMES, "copy_limit", "memory", "ttl")):
        raise UsageError(
            "there is nothing to change",
            remedy="give --memory, --compute, --compute-limit, --weight, --priority, "
            "--copy-limit or --ttl",
        )
    # What can't be is told before anybody is asked.
    shares_of(given)
    copy_limit_of(given)
    memory = parse_size(given.memory) if given.memory is not None else 0
    ttl_ms = _ttl_ms(given.ttl)
    client = connect_if_any()
    if client is not None:
        with client:
            return _with_daemon(client, given, memory, ttl_ms)
    if given.ttl is not None or given.evict:
        raise NoDaemon("--ttl and --evict are the daemon's, and none listens here")
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


def _ttl_ms(text: str | None) -> int | None:
    """None where it is to live on, or where nothing is said."""
    if text is None or text.strip() == _NEVER:
        return None
    return parse_duration_ms(text, LONGEST_WAIT_MS)


def _with_daemon(client: Client, given: Namespace, memory: int, ttl_ms: int | None) -> int:
    from msgspec import UNSET

    from aliquot.cli.told import print_vgpu
    from aliquot.model.api.vgpus import VgpuChange

    copy_limit = copy_limit_of(given) if given.copy_limit is not None else UNSET
    change = VgpuChange(
        memory=memory or UNSET,
        **shares_wanted(given),
        copy_limit=copy_limit,
        ttl_ms=ttl_ms if given.ttl is not None else UNSET,
        evict=given.evict,
    )
    vgpu = client.vgpus.change(given.vgpu, change, idempotency_key=new_key())
    print_vgpu(client, vgpu, as_json=given.json)
    return 0
