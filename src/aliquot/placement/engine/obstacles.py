"""Why a request doesn't fit on a node."""

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


WORDS = {
    Obstacle.CPU: "CPU",
    Obstacle.MEMORY: "memory of the host",
    Obstacle.MODEL: "a model that will do",
    Obstacle.DEVICES: "devices",
    Obstacle.DEVICE_MEMORY: "memory of a device",
    Obstacle.SHARE: "a free share of a device",
}


def obstacles(request: Request, node: Node, room: Room) -> tuple[Obstacle, ...]:
    """All that keeps a request from a node; nothing where it fits."""
    found: list[Obstacle] = []
    if room.cpu < request.cpu:
        found.append(Obstacle.CPU)
    if room.memory < request.memory:
        found.append(Obstacle.MEMORY)
    if not request.devices:
        return tuple(found)
    if request.models is not None and node.model not in request.models:
        found.append(Obstacle.MODEL)
    roomy = [
        share
        for share, memory in zip(room.shares, room.device_memory, strict=True)
        if memory >= request.device_memory
    ]
    if node.devices < request.devices:
        found.append(Obstacle.DEVICES)
    elif len(roomy) < request.devices:
        found.append(Obstacle.DEVICE_MEMORY)
    elif sum(share >= request.share for share in roomy) < request.devices:
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
