"""What the policy `aliquot` learns from a workload."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from aliquot.placement.engine.cluster import WHOLE, Node
from aliquot.placement.engine.typical import Typical


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy `aliquot` weighs beside fragmentation, in fragmented devices.

    `cpu_of_device`: thousandths of a core that go with a device. `stranded`: what a device costs
    that is left without its CPU. `cpu`: what the CPU of a device costs that typical requests can't
    use. `models`: what a device of a model costs whoever could do without, by model.
    `fullest_first`: among equals the node with the fewest devices left is taken, not the first.
    """

    cpu_of_device: float = 1.0
    stranded: float = 0.0
    cpu: float = 0.0
    models: dict[str, float] = {}
    fullest_first: bool = False


# Chosen on "openb" default and gpuspec25 with seeds that are not 42 to 51; docs/placement-engine.md
# tells what else was tried.
STRANDED = 0.5
PINNED = 0.5
UNUSABLE_CPU = 0.5
_SHORT = 0.2  # CPU counts as short in full where a fifth more is wanted than there is


def learnt_prices(nodes: Sequence[Node], typical: Sequence[Typical]) -> Prices:
    """The prices for a cluster and a workload.

    CPU that is left over costs something only where CPU, and not devices, is what runs out: a price
    is above zero only for what is short (complementary slackness of a linear program).
    """
    capacity = sum(node.devices for node in nodes)
    devices = sum(one.weight * one.request.total for one in typical) / WHOLE
    if not capacity or not devices:
        return Prices()
    needed = sum(one.weight * one.request.cpu for one in typical if one.request.devices) / devices
    wanted = sum(one.weight * one.request.cpu for one in typical) / devices
    there = sum(node.cpu for node in nodes) / capacity
    short = min(1.0, max(0.0, (wanted / there - 1) / _SHORT)) if there else 0.0
    return Prices(
        cpu_of_device=max(1.0, needed + short * max(0.0, there - needed)),
        stranded=STRANDED,
        cpu=UNUSABLE_CPU * short,
        models={
            model: PINNED * pressure for model, pressure in pinned_pressure(nodes, typical).items()
        },
        fullest_first=True,
    )


def pinned_pressure(nodes: Sequence[Node], typical: Sequence[Typical]) -> dict[str, float]:
    """By model, the part of its devices that requests need which can't go to just any model.

    A request that several models will do for weighs on each as its devices are spread over them;
    the whole workload is reckoned as large as the cluster.
    """
    capacity: dict[str, int] = defaultdict(int)
    for node in nodes:
        if node.devices:
            capacity[node.model] += node.capacity
    wanted = sum(one.weight * one.request.total for one in typical)
    scale = sum(capacity.values()) / wanted if wanted else 0.0
    pressure: dict[str, float] = defaultdict(float)
    for one in typical:
        if one.request.models is None:
            continue
        able = sum(capacity[model] for model in one.request.models if model in capacity)
        for model in one.request.models & capacity.keys():
            # Its share of the request, over the model's capacity: capacity/able cancels.
            pressure[model] += one.weight * one.request.total * scale / able
    return dict(pressure)
