"""What could be done with a cluster: nodes and requests as they would be then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from aliquot.placement.engine import WHOLE, Node, Request

# Compute and memory slices of the instances that MIG cuts a device of seven and eight into, the
# smallest first: 1g, 2g, 3g, 4g, 7g.
_INSTANCES = ((1, 1), (2, 2), (3, 4), (4, 4), (7, 8))
_COMPUTE_SLICES, _MEMORY_SLICES = 7, 8


class Scenario(NamedTuple):
    """A way to serve requests. `words` for who decides; `key` for programs."""

    key: str
    words: str
    nodes: list[Node]
    changed: Callable[[Request], Request]


def scenarios(nodes: Sequence[Node], more: int, model: str | None = None) -> list[Scenario]:
    """As it is without sharing, with software vGPUs and with MIG; and each with more devices.

    `more` devices come on nodes like those of `model`, else like the most frequent ones.
    """
    here = list(nodes)
    sizes = sorted({node.device_memory for node in nodes if node.device_memory})

    def in_slices_here(request: Request) -> Request:
        return in_slices(request, sizes)

    ways: list[
        tuple[str, str, Callable[[list[Node]], list[Node]], Callable[[Request], Request]]
    ] = [
        ("whole", "whole devices, not shared", list, whole),
        ("mig", "devices cut into MIG instances", sliced, in_slices_here),
        ("vgpu", "software vGPUs", list, lambda request: request),
    ]
    found = [Scenario(key, words, change(here), shape) for key, words, change, shape in ways]
    if more:
        grown = [*here, *added_nodes(here, more, model)]
        found += [
            Scenario(f"{key}+{more}", f"{words}, and {more} more devices", change(grown), shape)
            for key, words, change, shape in ways
        ]
    return found


def whole(request: Request) -> Request:
    """A part of a device takes all of it."""
    return msgspec.structs.replace(request, share=WHOLE) if request.devices else request


def in_slices(request: Request, sizes: Sequence[int] = ()) -> Request:
    """A part of a device takes the smallest instance that has as much compute and memory.

    Compute slices are told as shares, memory slices as memory of the device; of devices of several
    `sizes`, in ascending order, the smallest that is large enough tells how many of them a request
    needs. Where on a device an instance may start is left out: in truth a little less fits.
    """
    if not request.devices:
        return request
    size = next((one for one in sizes if one >= request.device_memory), 0)
    if request.device_memory and not size:
        return msgspec.structs.replace(request, device_memory=_MEMORY_SLICES + 1)  # fits nowhere
    slices = -(-request.device_memory * _MEMORY_SLICES // size) if size else 0
    compute, memory = next(
        one
        for one in _INSTANCES
        if one[0] * WHOLE >= request.share * _COMPUTE_SLICES and one[1] >= slices
    )
    return msgspec.structs.replace(
        request, share=compute * (WHOLE // _COMPUTE_SLICES), device_memory=memory
    )


def sliced(nodes: list[Node]) -> list[Node]:
    """The nodes with memory slices for the memory of their devices."""
    return [msgspec.structs.replace(node, device_memory=_MEMORY_SLICES) for node in nodes]


def added_nodes(nodes: Sequence[Node], more: int, model: str | None) -> list[Node]:
    """Nodes with so many devices in all; the last may have fewer, and as much less of the rest.

    Raises ValueError where there is no node with devices of that model.
    """
    kinds = Counter(
        (node.cpu, node.memory, node.devices, node.model, node.device_memory)
        for node in nodes
        if node.devices and model in (None, node.model)
    )
    if not kinds:
        raise ValueError(f"no node has devices of model {model!r}")
    (cpu, memory, devices, its_model, device_memory), _ = kinds.most_common(1)[0]
    found: list[Node] = []
    while more > 0:
        part = min(more, devices)
        found.append(
            Node(
                name=f"new-{len(found):04}",
                cpu=cpu * part // devices,
                memory=memory * part // devices,
                devices=part,
                model=its_model,
                device_memory=device_memory,
            )
        )
        more -= part
    return found
