"""`aliquot simulate`: what placement policies reach on a trace."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aliquot.cli.parser import Parser, add_json
from aliquot.cli.picture_file import add_picture, check_picture, write_picture
from aliquot.errors import UsageError

if TYPE_CHECKING:
    from aliquot.placement.engine import Policy
    from aliquot.placement.simulation.replay import Workload
    from aliquot.placement.simulation.report import Curves, Outcome

_BOUND = "upper-bound"


def build_parser() -> Parser:
    """The options of `aliquot simulate`."""
    parser = Parser(
        "simulate",
        "Replays a trace against a cluster and tells what each placement policy gets allocated:\n"
        "pods come in an order by chance until 130 % of the devices are asked for, one attempt\n"
        "each. docs/placement-engine.md describes protocol, files and policies.",
        example="aliquot simulate --nodes nodes.csv --pods pods.csv --policy fgd,aliquot",
        exit_status="0; 2 for an error.",
    )
    parser.add_argument("--nodes", metavar="FILE", required=True, help="the nodes, as CSV")
    parser.add_argument("--pods", metavar="FILE", required=True, help="the pods, as CSV")
    parser.add_argument(
        "--policy",
        metavar="NAMES",
        default="fgd,aliquot",
        help="of random, best-fit, worst-fit, dot-product, gpu-packing, gpu-clustering, fgd, "
        "aliquot, and the daemon's pack and spread, with commas between (default: fgd,aliquot)",
    )
    parser.add_argument(
        "--seeds", metavar="SEEDS", default="42-51", help="like 42-51 or 1,2,7 (default: 42-51)"
    )
    parser.add_argument(
        "--departures",
        action="store_true",
        help="let pods leave again: Poisson arrivals, exponential lifetimes, a load from 1.0 to "
        "1.2 of the devices over 16,200 arrivals",
    )
    parser.add_argument(
        "--moves",
        metavar="N",
        type=float,
        default=0.0,
        help="make room by moving what is placed, at most so often per 100 pods (default: 0)",
    )
    parser.add_argument(
        "--bound",
        action="store_true",
        help="tell, too, what no policy can exceed (wants the extra aliquot[plan])",
    )
    add_picture(parser, "the curves")
    add_json(parser)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Replay, print and draw."""
    given = build_parser().parse_args(arguments)
    _check(given)
    from aliquot.placement.engine import policy_named
    from aliquot.placement.simulation.openb import read_nodes, read_pods
    from aliquot.placement.simulation.replay import workload
    from aliquot.placement.simulation.report import parse_seeds

    policies = {name: policy_named(name) for name in given.policy.split(",")}
    seeds = parse_seeds(given.seeds)
    work = workload(read_nodes(given.nodes), read_pods(given.pods))
    outcomes, curves = _simulated(work, policies, seeds, given)
    if given.bound:
        outcomes[_BOUND] = _bound(work, seeds, departures=given.departures)
    if given.picture:
        _draw(given, curves, len(seeds))
    if given.json:
        from aliquot.cli.output import print_json

        print_json(outcomes)
    else:
        _print_table(outcomes, seeds=len(seeds), departures=given.departures)
    return 0


def _check(given: Namespace) -> None:
    if not 0 <= given.moves <= 100:
        raise UsageError("--moves is a number from 0 to 100")
    if given.picture and given.departures:
        raise UsageError("--picture draws what comes of pods that stay, not of --departures")
    check_picture(given.picture)


def _simulated(
    work: Workload, policies: dict[str, Policy], seeds: Sequence[int], given: Namespace
) -> tuple[dict[str, Outcome], dict[str, Curves]]:
    from aliquot.placement.simulation.report import simulate, simulate_departures

    outcomes: dict[str, Outcome] = {}
    curves: dict[str, Curves] = {}
    for name, policy in policies.items():
        if sys.stderr.isatty():
            print(f"{name}: {len(seeds)} seeds …", file=sys.stderr)
        if given.departures:
            outcomes[name] = simulate_departures(work, policy, seeds, moves_per_hundred=given.moves)
        else:
            outcomes[name], curves[name] = simulate(
                work, policy, seeds, moves_per_hundred=given.moves
            )
    return outcomes, curves


def _bound(work: Workload, seeds: Sequence[int], *, departures: bool) -> Outcome:
    from aliquot.placement.simulation.bounds import bound_of_departures, bound_of_replays

    return bound_of_departures(work) if departures else bound_of_replays(work, seeds)


def _print_table(outcomes: dict[str, Outcome], *, seeds: int, departures: bool) -> None:
    from aliquot.cli.tables import Column, console, table

    heads = list(next(iter(outcomes.values())).allocated)
    rows = [
        [
            name,
            *(f"{outcome.allocated[one]:.2f}" if one in outcome.allocated else "" for one in heads),
            f"{outcome.fragmented['100']:.2f}" if outcome.fragmented else "",
            f"{outcome.refused:.0f}" if name != _BOUND else "",
            f"{outcome.moves:.0f}" if name != _BOUND else "",
        ]
        for name, outcome in outcomes.items()
    ]
    columns = [
        Column("policy"),
        *(Column(one if one == "mean" else f"{one} %", right=True) for one in heads),
        Column("fragmented", right=True),
        Column("refused", right=True),
        Column("moves", right=True),
    ]
    console().print(table(columns, rows))
    what = "by the load" if departures else "by what was asked for so far"
    print(f"\nAllocated, in percent of the devices, {what}; means of {seeds} seeds.")
    for line in _paired(outcomes, "in the mean" if departures else "at 100 %"):
        print(line)


def _paired(outcomes: dict[str, Outcome], where: str) -> Iterator[str]:
    """The last policy beside each other, seed by seed."""
    from aliquot.placement.simulation.report import paired

    *others, last = [name for name in outcomes if name != _BOUND]
    if len(outcomes[last].seeds) < 2:
        return
    for other in others:
        mean, half_width = paired(outcomes[last].seeds, outcomes[other].seeds)
        yield (
            f"{last} to {other} {where}, paired by seed: {mean:+.2f} ± {half_width:.2f} "
            "(95 % interval)"
        )


def _draw(given: Namespace, curves: dict[str, Curves], seeds: int) -> None:
    from aliquot.placement.simulation.curves import draw

    note = (
        f"{os.path.basename(given.pods)} on {os.path.basename(given.nodes)}; means of {seeds} seeds"
    )
    picture = draw(
        {name: one.allocated for name, one in curves.items()},
        {name: one.fragmented for name, one in curves.items()},
        "What placement policies allocate",
        note,
    )
    write_picture(picture, given.picture)
