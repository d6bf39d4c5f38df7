"""`aliquot why-slow`: what a running vGPU's program spends its time with, in plain words."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

from aliquot.cli.parser import Parser, add_json
from aliquot.cli.receipt import Promise, biggest_first, part_lines, percent, seconds
from aliquot.cli.vgpu_argument import add_vgpu, found_vgpu
from aliquot.client.device_host import DeviceHost
from aliquot.model.receipt import Spending, divide
from aliquot.model.vgpu import VgpuUsage
from aliquot.sizes import parse_duration_ms


def build_parser() -> Parser:
    """The options of `aliquot why-slow`."""
    parser = Parser(
        "why-slow",
        "Tells where the time of a vGPU's program went, the biggest part first, with what would\n"
        "make it smaller: since the vGPU's first process began or, with --for, over the next "
        "moments.",
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
    with found_vgpu(given.vgpu, given.device) as (host, usage):
        spending = _spending(host, usage.id, span_ms)
    promise = Promise(usage.memory_limit, usage.turns.shares)
    if given.json:
        told = {"vgpu": usage.id, "name": usage.name, "promised": promise.as_dict()}
        print(json.dumps({**told, **spending.as_dict()}, indent=2))
        return 0
    print(*_lines(usage, spending, span_ms), sep="\n")
    return 0


def _spending(host: DeviceHost, vgpu: int, span_ms: int | None) -> Spending:
    receipt = host.receipt(vgpu)
    if span_ms is None:
        return divide(receipt, receipt.covered_ns)
    time.sleep(span_ms / 1000)
    later = host.receipt(vgpu)
    return divide(later.since(receipt), later.at_ns - receipt.at_ns)


def _lines(usage: VgpuUsage, spending: Spending, span_ms: int | None) -> list[str]:
    found = biggest_first(spending.parts)
    if not found:
        return [
            f"vGPU {usage.name}: no process has used it {'yet' if span_ms is None else 'lately'}"
        ]
    when = "since its first process began" if span_ms is None else "just now"
    biggest, spent = found[0]
    sentence, remedy = _CAUSES[biggest]
    return [
        f"vGPU {usage.name}: of {seconds(spending.wall_ns)} {when}, "
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
