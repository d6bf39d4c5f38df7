"""`aliquot bench`: what a vGPU costs, and whether tenants get what they were promised."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence

from aliquot.bench import promises
from aliquot.bench.daemon.cases import CASES as DAEMON_CASES
from aliquot.bench.fairness.cases import CASES as FAIRNESS_CASES
from aliquot.cli.parser import Parser, add_device, add_json
from aliquot.errors import UsageError

_DESCRIPTION = """\
remoting   runs a benchmark program natively and on a vGPU, in alternating rounds,
           and compares the medians; each line has a bar that should hold and an aim
fairness   runs tenants at the same time, each on a vGPU with a share of its own,
           and holds the kernels that they completed against what was promised
daemon     starts daemons of its own, and measures making, listing and watching vGPUs
           on a simulated device, what an idle daemon costs, and 'aliquot run -- true'

Keep the machine quiet meanwhile."""

# By option, which benchmarks it belongs to.
_BELONGS = {
    "rounds": ("remoting",),
    "transfer": ("remoting",),
    "scale": ("remoting",),
    "short": ("fairness", "daemon"),
    "case": ("fairness", "daemon"),
    "picture": ("fairness",),
}
_CASES = {
    "fairness": [case.name for case in FAIRNESS_CASES],
    "daemon": [case.name for case in DAEMON_CASES],
}


def build_parser() -> Parser:
    """The options of `aliquot bench`."""
    parser = Parser(
        "bench",
        _DESCRIPTION,
        example="aliquot bench remoting --rounds 1 --scale 0.02\n"
        "  aliquot bench daemon --short --case create-100",
        exit_status="0 where every bar holds, 1 where one doesn't, 2 for an error.",
    )
    parser.add_argument("what", choices=["remoting", "fairness", "daemon"], help="what to measure")
    add_device(parser)
    parser.add_argument(
        "--tolerance",
        metavar="F",
        type=float,
        default=1.0,
        help="make every bar wider by this factor (default: 1; --short doubles it)",
    )
    parser.add_argument("--quiet", action="store_true", help="don't tell how far it is")
    add_json(parser)
    parser.add_argument(
        "--rounds",
        metavar="N",
        type=int,
        default=5,
        help="remoting: rounds of each side (default: 5)",
    )
    parser.add_argument(
        "--transfer",
        choices=["auto", promises.STAGED],
        default="auto",
        help="remoting: staged copies as for a discrete GPU, even where memory is shared",
    )
    parser.add_argument(
        "--scale",
        metavar="F",
        type=float,
        default=0.1,
        help="remoting: length of each test, as a factor (default: 0.1)",
    )
    parser.add_argument(
        "--short",
        action="store_true",
        help="fairness, daemon: in two minutes or so, with bars twice as wide",
    )
    parser.add_argument(
        "--case",
        choices=[name for names in _CASES.values() for name in names],
        help="fairness, daemon: this one alone (default: all; of fairness with --short, the "
        "first seven)",
    )
    parser.add_argument(
        "--picture",
        metavar="FILE",
        default="fairness.svg",
        help="fairness: where to draw the shares over time (default: fairness.svg)",
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    parser = build_parser()
    given = parser.parse_args(arguments)
    _check(parser, given)
    say = _silent if given.quiet else _say
    if given.what == "fairness":
        from aliquot.cli import bench_fairness

        return bench_fairness.run(given, say)
    if given.what == "daemon":
        from aliquot.cli import bench_daemon

        return bench_daemon.run(given, say)
    from aliquot.cli import bench_remoting

    return bench_remoting.run(given, say)


def _check(parser: Parser, given: Namespace) -> None:
    for option, benchmarks in _BELONGS.items():
        if given.what not in benchmarks and getattr(given, option) != parser.get_default(option):
            named = " and ".join(f"'aliquot bench {benchmark}'" for benchmark in benchmarks)
            raise UsageError(f"--{option} is an option of {named}")
    if given.case and given.case not in _CASES[given.what]:
        raise UsageError(f"'aliquot bench {given.what}' has no case {given.case!r}")
    if not 1 <= given.tolerance <= 10:
        raise UsageError("--tolerance is not between 1 and 10")


def _say(step: str) -> None:
    print(f"aliquot: {step}", file=sys.stderr)


def _silent(_step: str) -> None:
    return
