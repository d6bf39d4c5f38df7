"""`aliquot why-slow`: what a running vGPU's program spends its time with, in plain words."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from aliquot.cli.daemon import connect_if_any
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.receipt import Promise, biggest_first, part_lines, percent, seconds
from aliquot.cli.vgpu_argument import add_vgpu, found_vgpu
from aliquot.client.device_host import DeviceHost
from aliquot.errors import NoSuchVgpu
from aliquot.model.receipt import Receipt, Spending, divide
from aliquot.model.vgpu import VgpuUsage
from aliquot.sizes import parse_duration_ms

if TYPE_CHECKING:
    from aliquot.client.rest import Client


def build_parser() -> Parser:
    """The options of `aliquot why-slow`."""
    parser = Parser(
        "why-slow",
        "Tells where the time of a vGPU's program went, the biggest part first, with what would\n"
        "make it smaller: since the vGPU's first process began or, with --for, over the next "
        "moments. Of root's daemon everybody is told of their own vGPUs.",
        example="aliquot why-slow train --for 1s",
        exit_status="0; 2 for an error.",
    )
    add_vgpu(parser)
    parser.add_argument("--for", dest="span", metavar="TIME", help="look so long from now on")
    add_json(parser, "print the receipt so far as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Say why it is slow."""
    given = build_parser().parse_args(arguments)
    span_ms = parse_duration_ms(given.span) if given.span is not None else None
    with ExitStack() as stack:
        try:
            seen = _of_host(*stack.enter_context(found_vgpu(given.vgpu, given.device)))
        except NoSuchVgpu:
            # Device hosts of another user, root say, tell their daemon alone.
            client = connect_if_any() if given.device is None else None
            if client is None:
                raise
            seen = _of_daemon(stack.enter_context(client), given.vgpu)
        spending = _spending(seen.receipt, span_ms)
    if given.json:
        told = {"vgpu": seen.key, "name": seen.name, "promised": seen.promised}
        print(json.dumps({**told, **spending.as_dict()}, indent=2))
        return 0
    print(*_lines(seen.name, spending, span_ms), sep="\n")
    return 0


class _Seen(NamedTuple):
    """A vGPU, with what tells of it again."""

    key: int | str
    name: str
    promised: dict[str, Any]
    receipt: Callable[[], Receipt]


def _of_host(host: DeviceHost, usage: VgpuUsage) -> _Seen:
    promise = Promise(usage.memory_limit, usage.turns.shares)
    return _Seen(usage.id, usage.name, promise.as_dict(), lambda: host.receipt(usage.id))


def _of_daemon(client: Client, vgpu: str) -> _Seen:
    def receipt() -> Receipt:
        told = client.receipts.now(vgpu).received
        return Receipt(**{name: told.get(name, 0) for name in Receipt._fields})

    first = client.receipts.now(vgpu)
    return _Seen(first.vgpu, first.vgpu_name, first.promise, receipt)


def _spending(look: Callable[[], Receipt], span_ms: int | None) -> Spending:
    receipt = look()
    if span_ms is None:
        return divide(receipt, receipt.covered_ns)
    time.sleep(span_ms / 1000)
    later = look()
    return divide(later.since(receipt), later.at_ns - receipt.at_ns)


def _lines(name: str, spending: Spending, span_ms: int | None) -> list[str]:
    found = biggest_first(spending.parts)
    if not found:
        return [f"vGPU {name}: no process has used it {'yet' if span_ms is None else 'lately'}"]
    when = "since its first process began" if span_ms is None else "just now"
    biggest, spent = found[0]
    sentence, remedy = _CAUSES[biggest]
    return [
        f"vGPU {name}: of {seconds(spending.wall_ns)} {when}, "
        f"{percent(spent, spending.wall_ns)} went into this: {sentence}.",
        f"  {remedy}.",
        *part_lines(spending, sys.stdout),
    ]


# What was done, and what would take less time.
_CAUSES = {
    "kernels": (
        "the program's own work was on the device",
        "nobody else is the reason: what makes it faster are faster kernels, or a faster device",
    ),
    "others": (
        "it waited while others had the device",
        "'aliquot top' shows who; 'aliquot resize VGPU --compute PERCENT' promises it more",
    ),
    "limit": (
        "it waited because of its own limit",
        "'aliquot resize VGPU --compute-limit PERCENT' raises it",
    ),
    "copies": (
        "data was copied between the program and the device",
        "leave data on the device between kernels, and map buffers instead of reading them",
    ),
    "syncs": (
        "the program waited for its commands one by one, and each time it took a moment to tell it",
        "enqueue more before clFinish, clWaitForEvents or a blocking read",
    ),
    "round_trips": (
        "it asked the driver and waited for the answers",
        "make contexts, queues and kernels once and keep them",
    ),
    "compiling": (
        "it waited for the compiler",
        "keep built programs, or their binaries (CL_PROGRAM_BINARIES)",
    ),
    "start_up": (
        "the vGPU was being made ready",
        "this comes once: longer runs notice it less",
    ),
    "program": (
        "the program itself computed or slept, outside of OpenCL",
        "the device is not the reason",
    ),
    "elsewhere": (
        "no process that uses OpenCL was running",
        "the device is not the reason",
    ),
}
