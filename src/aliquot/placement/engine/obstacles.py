"""Why a request doesn't fit on a node, and what else may keep it away."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from aliquot.placement.engine.cluster import Node, Request, Room


class Obstacle(StrEnum):
    """What is lacking, each reckoned by itself."""

    CPU = "cpu"
    MEMORY = "memory"
    MODEL = "model"
    DEVICES = "devices"  # the node has fewer, even empty
    DEVICE_MEMORY = "device-memory"
    SHARE = "share"
    NODE = "node"  # others are the only ones that will do
    RULE = "rule"  # of who may be beside whom
    MIX = "mix"  # of priority classes
    QUOTA_MEMORY = "quota-memory"
    QUOTA_SHARE = "quota-share"
    QUOTA_PLACES = "quota-places"


WORDS = {
    Obstacle.CPU: "CPU",
    Obstacle.MEMORY: "memory of the host",
    Obstacle.MODEL: "a model that will do",
    Obstacle.DEVICES: "devices",
    Obstacle.DEVICE_MEMORY: "memory of a device",
    Obstacle.SHARE: "a free share of a device",
    Obstacle.NODE: "being one that will do",
    Obstacle.RULE: "the right neighbours",
    Obstacle.MIX: "the right priority classes",
    Obstacle.QUOTA_MEMORY: "a tenant's quota of memory",
    Obstacle.QUOTA_SHARE: "a tenant's quota of shares",
    Obstacle.QUOTA_PLACES: "a tenant's quota of places",
}


def obstacles(request: Request, node: Node, room: Room) -> tuple[Obstacle, ...]:
    """All that a node lacks for a request; nothing where it fits."""
    found: list[Obstacle] = []
    if room.cpu < request.cpu:
        found.append(Obstacle.CPU)
    if room.memory < request.memory:
        found.append(Obstacle.MEMORY)
    if not request.devices:
        return tuple(found)
    if request.models is not None and node.model not in request.models:
        found.append(Obstacle.MODEL)
    if node.devices < request.devices:
        return (*found, Obstacle.DEVICES)
    roomy = [one >= request.device_memory for one in room.device_memory]
    if short_of_memory := sum(roomy) < request.devices:
        found.append(Obstacle.DEVICE_MEMORY)
    # Where enough devices have the memory, these alone are asked for their shares.
    able = sum(
        share >= request.share and (short_of_memory or has_memory)
        for share, has_memory in zip(room.shares, roomy, strict=True)
    )
    if able < request.devices:
        found.append(Obstacle.SHARE)
    return tuple(found)


def hindrances(counts: Counter[tuple[Obstacle, ...]]) -> str:
    """How many nodes lack what, in words: what most lack first."""
    told = [
        f"{count} {'lacks' if count == 1 else 'lack'} "
        + " and ".join(WORDS[obstacle] for obstacle in lacking)
        for lacking, count in counts.most_common()
    ]
    return "; ".join(told)
