"""`aliquot plan`: would more devices, MIG or software vGPUs serve a queue?"""

from __future__ import annotations

from collections.abc import Sequence

from aliquot.cli.parser import Parser, add_json
from aliquot.cli.picture_file import add_picture, check_picture, write_picture
from aliquot.errors import UsageError


def build_parser() -> Parser:
    """The options of `aliquot plan`."""
    parser = Parser(
        "plan",
        "Tells whether a cluster serves a queue: with whole devices, cut into MIG instances, with\n"
        "software vGPUs, and each with more devices. Files are those of 'aliquot simulate'.",
        example="aliquot plan --nodes nodes.csv --pods queue.csv --more 10 --picture plan.svg",
        exit_status="0; 2 for an error.",
    )
    parser.add_argument("--nodes", metavar="FILE", required=True, help="the nodes, as CSV")
    parser.add_argument("--pods", metavar="FILE", required=True, help="the queue, as CSV")
    parser.add_argument(
        "--more",
        metavar="N",
        type=int,
        default=10,
        help="how many more devices to try (default: 10)",
    )
    parser.add_argument("--model", help="of which model (default: that of most nodes)")
    parser.add_argument(
        "--seeds", metavar="SEEDS", default="1-3", help="orders of the queue (default: 1-3)"
    )
    add_picture(parser, "the answer")
    add_json(parser, "print JSON instead of a page")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Try all ways, print the page and draw."""
    given = build_parser().parse_args(arguments)
    if given.more < 0 or given.more > 10_000:
        raise UsageError("--more is a number from 0 to 10000")
    check_picture(given.picture)
    from aliquot.placement.planning import answer, scenarios
    from aliquot.placement.planning.page import page, picture
    from aliquot.placement.simulation.openb import read_nodes, read_pods
    from aliquot.placement.simulation.report import parse_seeds

    seeds = parse_seeds(given.seeds)
    nodes = read_nodes(given.nodes)
    queue = [pod.request for pod in read_pods(given.pods)]
    try:
        ways = scenarios(nodes, given.more, given.model)
    except ValueError as error:
        raise UsageError(str(error)) from error
    answers = [answer(way, queue, seeds) for way in ways]
    question = f"What would serve {len(queue)} requests on {len(nodes)} nodes?"
    if given.picture:
        write_picture(picture(answers, question), given.picture)
    if given.json:
        from aliquot.cli.output import print_json

        print_json(answers)
    else:
        print(page(answers, question), end="")
    return 0
