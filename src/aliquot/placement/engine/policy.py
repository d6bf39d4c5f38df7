"""The policies by their names."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType

from aliquot.errors import UnknownPlacementPolicy


class Policy(StrEnum):
    """What tells a good place from a bad one; native/placement/policies.cpp says how."""

    RANDOM = "random"
    BEST_FIT = "best-fit"
    WORST_FIT = "worst-fit"
    DOT_PRODUCT = "dot-product"
    GPU_PACKING = "gpu-packing"
    GPU_CLUSTERING = "gpu-clustering"
    FGD = "fgd"
    ALIQUOT = "aliquot"
    PACK = "pack"
    SPREAD = "spread"


FULL = 1 << 30  # what `pack` says of a device that is full, `spread` of an empty one

# `PolicyKind` of native/placement/policy.h.
NATIVE_KINDS = MappingProxyType({policy: number for number, policy in enumerate(Policy)})

_ALIASES = {
    "packing": Policy.GPU_PACKING,
    "clustering": Policy.GPU_CLUSTERING,
    "dotprod": Policy.DOT_PRODUCT,
    "bestfit": Policy.BEST_FIT,
    "worstfit": Policy.WORST_FIT,
}


def policy_named(name: str) -> Policy:
    """The policy of a name, however it is spelt; raises UnknownPlacementPolicy."""
    spelt = name.strip().casefold().replace("_", "-").replace(" ", "-")
    try:
        return _ALIASES.get(spelt.replace("-", "")) or Policy(spelt)
    except ValueError:
        raise UnknownPlacementPolicy(f"there is no placement policy {name!r}") from None
