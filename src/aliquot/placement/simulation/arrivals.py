"""Who comes, in which order, to which nodes: the protocol that was published with "openb".

Pods are shuffled; then some that are drawn from them come again, until more devices are asked for
than there are by a factor. Nodes get an order of their own by chance, for ties (Weng et al., USENIX
ATC 2023, section 6, and the simulator that was published with it).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from aliquot.placement.engine import Node
from aliquot.placement.simulation.openb import Pod

MOST_LOAD = 1.3  # of the cluster's devices


class Arrivals(NamedTuple):
    """What a seed decides: in which order pods come, and in which nodes are preferred."""

    pods: list[Pod]
    nodes: list[Node]


def arrivals(
    nodes: Sequence[Node], pods: Sequence[Pod], seed: int, most_load: float = MOST_LOAD
) -> Arrivals:
    """Who comes, until more is asked for than the devices of all nodes by a factor.

    Where the list alone asks for more, some that are drawn are left out.
    """
    # What comes of a seed is another order than in the published simulator, whose generator is
    # Go's: means of ten seeds differ by chance. docs/placement-engine.md says why it is this one.
    rng = random.Random(2 * seed + 1)  # noqa: S311
    order = sorted(pods, key=lambda pod: pod.name)
    rng.shuffle(order)
    most = most_load * sum(node.capacity for node in nodes)
    asked = sum(pod.request.total for pod in order)
    while asked > most:
        asked -= order.pop(rng.randrange(len(order))).request.total
    while True:
        pod = rng.choice(pods)
        # The published simulator looks at one device of the next pod.
        if asked + pod.request.share > most:
            break
        asked += pod.request.total
        order.append(pod)
    return Arrivals(order, shuffled_nodes(nodes, rng))


def shuffled_nodes(nodes: Sequence[Node], rng: random.Random) -> list[Node]:
    """The nodes in the order in which equals are preferred."""
    ordered = sorted(nodes, key=lambda node: node.name)
    rng.shuffle(ordered)
    return ordered
