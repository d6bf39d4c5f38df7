"""Which node and which of its devices a request goes to, in a cluster of thousands.

`Engine` is a cluster with a policy; `Request` is what is asked for, `Node` what there is, `Place`
where something is. `Placer` adds what isn't of size: a `Claim` is a request with its rules, its
tenant's quota and its priority class. docs/placement-engine.md has the policies, and what each of
them reaches.
"""

from aliquot.placement.engine.claims import Claim
from aliquot.placement.engine.cluster import WHOLE, Exchange, Move, Node, Place, Request, Room
from aliquot.placement.engine.engine import Engine
from aliquot.placement.engine.placer import Placer
from aliquot.placement.engine.policy import Policy, policy_named
from aliquot.placement.engine.prices import Prices, learnt_prices
from aliquot.placement.engine.typical import Typical, typical_requests

__all__ = [
    "WHOLE",
    "Claim",
    "Engine",
    "Exchange",
    "Move",
    "Node",
    "Place",
    "Placer",
    "Policy",
    "Prices",
    "Request",
    "Room",
    "Typical",
    "learnt_prices",
    "policy_named",
    "typical_requests",
]
