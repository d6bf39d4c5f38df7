"""`aliquot plan`: would more devices, MIG or software vGPUs serve a queue?"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aliquot.cli.parser import Parser, add_json
from aliquot.cli.picture_file import add_picture, check_picture, write_picture
from aliquot.errors import NoHistory, UsageError

if TYPE_CHECKING:
    from aliquot.placement.engine import Node
    from aliquot.placement.planning import Answer, Scenario

_SEEDS = "1-3"
_DAY_MS = 24 * 60 * 60 * 1000
_MOST_DAYS = 30  # so long deleted vGPUs are kept


def build_parser() -> Parser:
    """The options of `aliquot plan`."""
    parser = Parser(
        "plan",
        "Tells whether a cluster serves a queue: with whole devices, cut into MIG instances, with\n"
        "software vGPUs, and each with more devices. Files are those of 'aliquot simulate'. With\n"
        "--history instead: whether the devices of the daemon's state serve the vGPUs that came\n"
        "and went there; it reads the state itself, as 'aliquot audit' does.",
        example="aliquot plan --nodes nodes.csv --pods queue.csv --more 10 --picture plan.svg\n"
        "  aliquot plan --history --days 7 --more 1",
        exit_status="0; 2 for an error.",
    )
    parser.add_argument("--nodes", metavar="FILE", help="the nodes, as CSV")
    parser.add_argument("--pods", metavar="FILE", help="the queue, as CSV")
    parser.add_argument(
        "--history", action="store_true", help="the daemon's devices and vGPUs instead of files"
    )
    parser.add_argument(
        "--days",
        metavar="N",
        type=int,
        help=f"with --history: how far back (default: {_MOST_DAYS}, as long as it is kept)",
    )
    parser.add_argument(
        "--more",
        metavar="N",
        type=int,
        default=10,
        help="how many more devices to try (default: 10)",
    )
    parser.add_argument("--model", help="of which model (default: that of most nodes)")
    parser.add_argument(
        "--seeds",
        metavar="SEEDS",
        help="orders in which the queue comes (default: 1-3)",
    )
    add_picture(parser, "the answer")
    add_json(parser, "print JSON instead of a page")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Try all ways, print the page and draw."""
    given = build_parser().parse_args(arguments)
    _check(given)
    check_picture(given.picture)
    from aliquot.placement.planning.page import page, picture

    answers, question, how = _of_history(given) if given.history else _of_files(given)
    if given.picture:
        write_picture(picture(answers, question), given.picture)
    if given.json:
        from aliquot.cli.output import print_json

        print_json(answers)
    else:
        print(page(answers, question, how), end="")
    return 0


def _check(given: Namespace) -> None:
    if given.more < 0 or given.more > 10_000:
        raise UsageError("--more is a number from 0 to 10000")
    if given.history:
        if given.nodes or given.pods or given.seeds:
            raise UsageError("--nodes, --pods and --seeds don't go with --history")
        if given.days is not None and not 1 <= given.days <= _MOST_DAYS:
            raise UsageError(f"--days is a number from 1 to {_MOST_DAYS}")
    elif not (given.nodes and given.pods):
        raise UsageError("--nodes and --pods are needed, or --history")
    elif given.days is not None:
        raise UsageError("--days goes with --history")


def _of_files(given: Namespace) -> tuple[list[Answer], str, str]:
    """A queue on a cluster, both of files."""
    from aliquot.placement.planning import answer
    from aliquot.placement.planning.page import IN_SEVERAL_ORDERS
    from aliquot.placement.simulation.openb import read_nodes, read_pods
    from aliquot.placement.simulation.report import parse_seeds

    seeds = parse_seeds(given.seeds or _SEEDS)
    nodes = read_nodes(given.nodes)
    queue = [pod.request for pod in read_pods(given.pods)]
    answers = [answer(way, queue, seeds) for way in _ways(nodes, given)]
    question = f"What would serve {len(queue)} requests on {len(nodes)} nodes?"
    return answers, question, IN_SEVERAL_ORDERS


def _of_history(given: Namespace) -> tuple[list[Answer], str, str]:
    """What the state of the daemon tells of the past; raises NoHistory."""
    from aliquot.placement.planning.history import nodes_of, relived, stays_of
    from aliquot.placement.planning.page import AS_THEY_CAME
    from aliquot.store import Store, devices, history, location

    days = given.days or _MOST_DAYS
    with Store.open_to_read(location.usual()) as store, store.look() as view:
        nodes = nodes_of(devices.listed(view))
        there = history.asked_since(view, view.now_ms - days * _DAY_MS)
        stays = stays_of(there, history.specs_of(view, [kept.id for kept in there]))
    if not nodes or not stays:
        raise NoHistory("no device is there" if not nodes else f"no vGPU in the last {days} days")
    answers = [relived(way, stays) for way in _ways(nodes, given)]
    question = f"What would serve the {len(stays)} vGPUs of the last {days} days?"
    return answers, question, AS_THEY_CAME


def _ways(nodes: Sequence[Node], given: Namespace) -> list[Scenario]:
    from aliquot.placement.planning import scenarios

    try:
        return scenarios(nodes, given.more, given.model)
    except ValueError as error:
        raise UsageError(str(error)) from error
