"""`aliquot bench remoting`: what a vGPU costs against the bare device."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from aliquot.bench import promises
from aliquot.bench.remoting import Result, compare
from aliquot.cli.parser import Parser, add_device, add_json
from aliquot.devices.opencl import find_device
from aliquot.errors import EXIT_PROBLEM, UsageError

_MOST_ROUNDS = 100


def build_parser() -> Parser:
    """The options of `aliquot bench`."""
    parser = Parser(
        "bench",
        "Runs a benchmark program natively and on a vGPU, in alternating rounds, and compares "
        "the\nmedians. Each line has a bar that should hold and an aim; keep the machine quiet "
        "meanwhile.",
        example="aliquot bench remoting --rounds 5",
        exit_status="0 where every bar holds, 1 where one doesn't, 2 for an error.",
    )
    parser.add_argument("what", choices=["remoting"], help="what to measure")
    add_device(parser)
    parser.add_argument(
        "--rounds", metavar="N", type=int, default=5, help="rounds of each side (default: 5)"
    )
    parser.add_argument(
        "--transfer",
        choices=["auto", promises.STAGED],
        default="auto",
        help="staged: copy as for a discrete GPU, even where memory is shared",
    )
    parser.add_argument(
        "--scale",
        metavar="F",
        type=float,
        default=0.1,
        help="length of each test, as a factor (default: 0.1)",
    )
    parser.add_argument(
        "--tolerance",
        metavar="F",
        type=float,
        default=1.0,
        help="make every bar wider by this factor (default: 1)",
    )
    parser.add_argument("--quiet", action="store_true", help="don't tell how far it is")
    add_json(parser)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    given = build_parser().parse_args(arguments)
    if not 1 <= given.rounds <= _MOST_ROUNDS:
        raise UsageError(f"--rounds is not between 1 and {_MOST_ROUNDS}")
    if not 0.001 <= given.scale <= 10:
        raise UsageError("--scale is not between 0.001 and 10")
    if not 1 <= given.tolerance <= 10:
        raise UsageError("--tolerance is not between 1 and 10")
    _, device = find_device(given.device)
    result = compare(
        device,
        rounds=given.rounds,
        transfer=given.transfer,
        scale=given.scale,
        tolerance=given.tolerance,
        progress=_silent if given.quiet else _say,
    )
    if given.json:
        print(json.dumps({"device": device.as_dict(), **result.as_dict()}, indent=2))
    else:
        _print_table(result, device.name)
    return 0 if all(line.holds for line in result.lines) else EXIT_PROBLEM


def _say(step: str) -> None:
    print(f"aliquot: {step}", file=sys.stderr)


def _silent(_step: str) -> None:
    return


def _print_table(result: Result, device_name: str) -> None:
    from aliquot.cli.tables import Cell, Column, console, table

    headings = (
        Column("line"),
        Column("native", right=True),
        Column("vGPU", right=True),
        Column("unit"),
        Column("ratio", right=True),
        Column("bar", right=True),
        Column("aim", right=True),
        Column("holds"),
    )
    rows: list[list[str | Cell]] = []
    for line in result.lines:
        bar = line.promise.bar_for(result.transfer)
        sign = "≤" if line.promise.better is promises.Better.LESS else "≥"
        plus = "+" if line.promise.added else ""
        rows.append(
            [
                line.promise.name,
                f"{line.native:.4g}",
                f"{line.vgpu:.4g}",
                line.unit,
                f"{line.value:+.1f} ms" if line.promise.added else f"{line.value:.3g}",
                f"{sign} {plus}{bar.bar:g}",
                f"{plus}{bar.aim:g}",
                Cell("yes", "green") if line.holds else Cell("NO", "bold red"),
            ]
        )
    out = console()
    out.print(table(headings, rows))
    out.print(
        f"\n{device_name}: medians of {result.rounds} alternating rounds, transfer "
        f"{result.transfer}, load of the machine {result.load_before:.2f} before and "
        f"{result.load_after:.2f} after",
        markup=False,
    )
