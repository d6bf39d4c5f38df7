"""`python -m aliquot.placement.simulation` measures how fast requests are placed, on one core.

Pods of a trace come to an empty cluster until 130 % of its devices are asked for, and then, for the
cluster as it is listed, come and go. What is told is processor time of this process; the placing
alone, without the reading of the lists and the drawing of pods.
"""

from __future__ import annotations

import resource
import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence

import msgspec

from aliquot.placement.engine import Engine, Node, policy_named
from aliquot.placement.simulation.arrivals import arrivals
from aliquot.placement.simulation.departures import MEASURED, with_departures
from aliquot.placement.simulation.openb import read_nodes, read_pods
from aliquot.placement.simulation.replay import Workload, workload

_MIB = 1 << 20


def main(arguments: Sequence[str]) -> int:
    """Print a line for each size of the cluster, and one for pods that depart."""
    parser = ArgumentParser(prog="python -m aliquot.placement.simulation", description=__doc__)
    parser.add_argument("nodes", help="the nodes, as CSV")
    parser.add_argument("pods", help="the pods, as CSV")
    parser.add_argument("--policy", default="aliquot")
    parser.add_argument(
        "--grown", type=int, default=20_000, metavar="N", help="so many nodes besides, repeated"
    )
    given = parser.parse_args(arguments)
    policy = policy_named(given.policy)
    nodes, pods = read_nodes(given.nodes), read_pods(given.pods)
    for count in (len(nodes), given.grown):
        work = workload(_repeated(nodes, count), pods)
        order, listed = arrivals(work.nodes, work.pods, 42)
        requests = [pod.request for pod in order]
        before = _most_memory()
        begin = time.process_time()
        engine = Engine(listed, policy, work.typical, seed=42)
        placed = sum(engine.place(request) is not None for request in requests)
        seconds = time.process_time() - begin
        print(
            f"{count:,} nodes: {len(requests):,} pods in {seconds:.2f} s, "
            f"{len(requests) / seconds:,.0f} a second, {placed:,} placed; scores take "
            f"{engine.cache_bytes() / _MIB:.1f} MiB, the cluster and what is placed with them "
            f"{(_most_memory() - before) / _MIB:.0f} MiB"
        )
        del engine
    work = workload(nodes, pods)
    begin = time.process_time()
    with_departures(work, policy, 42)
    seconds = time.process_time() - begin
    asked = MEASURED + 2 * _at_once(work)
    print(f"{len(nodes):,} nodes, pods depart: {asked / seconds:,.0f} a second, drawing included")
    return 0


def _repeated(nodes: Sequence[Node], count: int) -> list[Node]:
    return [msgspec.structs.replace(nodes[at % len(nodes)], name=f"{at:06}") for at in range(count)]


def _at_once(work: Workload) -> int:
    """How many pods a load of 1.0 has at any time; so many come twice before it is measured."""
    return round(work.capacity * len(work.pods) / sum(pod.request.total for pod in work.pods))


def _most_memory() -> int:
    """The most that this process has had, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
