"""How many requests the placement engine places a second, on one core."""

from __future__ import annotations

import random
import time

import pytest

from aliquot.placement.engine import WHOLE, Engine, Node, Policy, Request, typical_requests
from tests.quiet import Quiet

pytestmark = pytest.mark.performance

_GIB = 1 << 30
KINDS = ((96_000, 384 * _GIB, 8, "A"), (104_000, 512 * _GIB, 2, "B"), (64_000, 256 * _GIB, 4, "C"))
ATTEMPTS = 3


def cluster(count: int) -> list[Node]:
    """Nodes of three kinds."""
    rng = random.Random(count)
    return [
        Node(name=f"n{at}", cpu=cpu, memory=memory, devices=devices, model=model)
        for at in range(count)
        for cpu, memory, devices, model in [rng.choice(KINDS)]
    ]


def shapes() -> list[Request]:
    """As many as a published trace of 8,152 pods has."""
    rng = random.Random(1)
    sizes = [(1, WHOLE)] * 5 + [(2, WHOLE), (8, WHOLE)]
    sizes += [(1, share) for share in (8_100, 6_500, 4_700, 3_200, 2_300, 1_600)] + [(0, 0)] * 2
    found: set[Request] = set()
    while len(found) < 150:
        devices, share = rng.choice(sizes)
        cpu = rng.choice((2_000, 4_000, 8_000, 11_400, 12_000, 16_000)) * max(1, devices)
        memory = rng.randrange(1, 12) * (2_730 << 20)
        found.add(Request(cpu=min(cpu, 90_000), memory=memory, devices=devices, share=share))
    return sorted(found, key=repr)


@pytest.mark.parametrize(
    ("nodes", "least"), [(1_213, 20_000), (20_000, 2_000)], ids=["1213-nodes", "20000-nodes"]
)
@pytest.mark.parametrize("policy", [Policy.FGD, Policy.ALIQUOT])
def test_placements_a_second(policy: Policy, nodes: int, least: int) -> None:
    """From an empty cluster until requests are refused, which looks at no fewer nodes."""
    kinds = shapes()
    order = random.Random(2).choices(kinds, k=10 * nodes)
    here = cluster(nodes)
    typical = typical_requests(order)
    quiet = Quiet()
    rates: list[float] = []
    for _ in range(ATTEMPTS):
        with quiet:
            engine = Engine(here, policy, typical)
            begin = time.process_time()
            refused = sum(engine.place(request) is None for request in order)
            rates.append(len(order) / (time.process_time() - begin))
        assert refused, "the cluster was to become full"
        assert engine.cache_bytes() <= 8 * nodes * len(kinds)
        if rates[-1] >= least:
            return
    quiet.missed(f"{max(rates):,.0f} placements a second, {least:,} are promised")
