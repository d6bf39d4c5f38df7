"""Nodes, what is placed there, and where the next request goes.

The native half keeps the score of every node for each shape of request and looks again only at the
nodes that have changed.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence

from aliquot.errors import BadNodeList
from aliquot.placement.engine.cluster import (
    MOST_DEVICES,
    MOST_MODELS,
    WHOLE,
    Exchange,
    Move,
    Node,
    Place,
    Request,
    Room,
)
from aliquot.placement.engine.native import (
    NativeExchange,
    NativeMove,
    NativeNode,
    NativePlace,
    NativePrices,
    NativeRequest,
    NativeTypical,
    library,
)
from aliquot.placement.engine.policy import NATIVE_KINDS, Policy
from aliquot.placement.engine.prices import Prices, learnt_prices
from aliquot.placement.engine.typical import Typical

_THOUSANDTHS = 1_000  # of a device, in which the native half tells fragmentation


class Engine:
    """A cluster with a policy. Among nodes that are as good, the first in the list is taken."""

    def __init__(
        self,
        nodes: Sequence[Node],
        policy: Policy,
        typical: Sequence[Typical] = (),
        *,
        seed: int = 0,
        prices: Prices | None = None,
    ) -> None:
        """A cluster with nothing on it. `typical` is what FGD and `aliquot` expect to come.

        `seed` decides what the policy `random` does; `prices` are else learnt from the rest.
        Raises BadNodeList, MissingNativeProgram.
        """
        self.nodes = tuple(nodes)
        self._models = _numbered_models(self.nodes)
        self._shapes: dict[Request, int] = {}
        self._requests: list[Request] = []  # by shape
        self._library = library()
        self._place = NativePlace()
        if prices is None:
            prices = learnt_prices(nodes, typical) if policy is Policy.ALIQUOT else Prices()
        classes = (NativeTypical * len(typical))(
            *((self._native(one.request), one.weight) for one in typical)
        )
        handle = self._library.aliquot_placement_new(
            (NativeNode * len(nodes))(*(self._native_node(node) for node in nodes)),
            len(nodes),
            classes,
            len(typical),
            NATIVE_KINDS[policy],
            self._native_prices(prices),
            seed,
        )
        self._own(handle)

    def copy(self) -> Engine:
        """The same cluster with all that is placed there, to try something on."""
        copied = Engine.__new__(Engine)
        copied.__dict__.update(self.__dict__)
        copied._shapes = dict(self._shapes)
        copied._requests = list(self._requests)
        copied._place = NativePlace()
        copied._own(self._library.aliquot_placement_copy(self._handle))
        return copied

    def place(self, request: Request, allowed: bytes | None = None) -> Place | None:
        """Place a request where it is best; None where it fits nowhere.

        `allowed` has a byte for each node, 0 where it may not go.
        """
        shape = self._shape(request)
        self._check(allowed)
        self._library.aliquot_placement_place(self._handle, shape, allowed, self._place)
        return self._found()

    def place_at(self, request: Request, node: int, devices: Sequence[int]) -> Place | None:
        """Place a request where somebody else wants it; None where it doesn't fit there."""
        chosen = sum(1 << device for device in set(devices))
        shape = self._shape(request)
        self._library.aliquot_placement_place_at(self._handle, shape, node, chosen, self._place)
        return self._found()

    def preview(self, request: Request, allowed: bytes | None = None) -> Place | None:
        """Where a request would go; its place has no id yet (-1)."""
        shape = self._shape(request)
        self._check(allowed)
        self._library.aliquot_placement_preview(self._handle, shape, allowed, self._place)
        return self._found()

    def hold(self, node: int, device: int, share: int, memory: int) -> None:
        """Set a part of a device aside that no request has, or give it back where it is negative.

        More may be set aside than there is.
        """
        self._library.aliquot_placement_hold(self._handle, node, device, share, memory)

    def give_back(self, place: int) -> bool:
        """Free what is placed, by its id; False where there is no such place."""
        return self._library.aliquot_placement_give_back(self._handle, place)

    def find_move(self, request: Request) -> Move | None:
        """The single move that makes room for a request; None where none does."""
        move = NativeMove(-1, -1, -1)
        shape = self._shape(request)
        if not self._library.aliquot_placement_find_move(self._handle, shape, move):
            return None
        return Move(moved=move.moved, source=move.source, to=move.to)

    def place_by_move(self, request: Request, move: Move) -> Place:
        """Do a move that find_move() found since the last change, and place the request."""
        native = NativeMove(move.moved, move.source, move.to)
        shape = self._shape(request)
        self._library.aliquot_placement_place_by_move(self._handle, shape, native, self._place)
        found = self._found()
        assert found is not None
        return found

    def find_exchange(self, request: Request) -> Exchange | None:
        """The exchange of two parts of devices that makes room for a request for one device."""
        native = NativeExchange(-1, -1)
        shape = self._shape(request)
        if not self._library.aliquot_placement_find_exchange(self._handle, shape, native):
            return None
        return Exchange(larger=native.larger, smaller=native.smaller)

    def place_by_exchange(self, request: Request, exchange: Exchange) -> Place:
        """Do what find_exchange() found since the last change, and place the request."""
        native = NativeExchange(exchange.larger, exchange.smaller)
        shape = self._shape(request)
        self._library.aliquot_placement_place_by_exchange(self._handle, shape, native, self._place)
        found = self._found()
        assert found is not None
        return found

    def room(self, node: int) -> Room:
        """What is free on a node: never less than nothing."""
        native = NativeNode()
        self._library.aliquot_placement_node(self._handle, node, native)
        return Room(
            cpu=native.cpu,
            memory=native.memory,
            shares=tuple(max(0, one) for one in native.share[: native.devices]),
            device_memory=tuple(max(0, one) for one in native.device_memory[: native.devices]),
        )

    def places(self, node: int) -> list[Place]:
        """What is placed on a node, the oldest first."""
        room = self._library.aliquot_placement_places(self._handle, node, None, 0)
        found = (NativePlace * room)()
        self._library.aliquot_placement_places(self._handle, node, found, room)
        return [self._told(one) for one in found]

    def scores(self, request: Request) -> list[int]:
        """How good each node is for a request, -1 where it doesn't fit."""
        found = (ctypes.c_int32 * len(self.nodes))()
        self._library.aliquot_placement_scores(self._handle, self._shape(request), found)
        return list(found)

    def fragmented(self) -> float:
        """The shares of devices that are free and that typical requests can't use, in the mean."""
        return self._library.aliquot_placement_fragmented(self._handle) * WHOLE / _THOUSANDTHS

    def cache_bytes(self) -> int:
        """What the scores that are kept take."""
        return self._library.aliquot_placement_cache_bytes(self._handle)

    def _check(self, allowed: bytes | None) -> None:
        if allowed is not None and len(allowed) != len(self.nodes):
            raise ValueError(f"{len(self.nodes)} nodes need as many bytes")

    def _own(self, handle: int) -> None:
        self._handle = handle
        weakref.finalize(self, self._library.aliquot_placement_delete, handle)

    def _shape(self, request: Request) -> int:
        known = self._shapes.get(request)
        if known is not None:
            return known
        request.check()
        policy = -1 if request.policy is None else NATIVE_KINDS[request.policy]
        shape = self._library.aliquot_placement_add_shape(
            self._handle, self._native(request), policy
        )
        self._shapes[request] = shape
        self._requests.append(request)
        return shape

    def _found(self) -> Place | None:
        return self._told(self._place) if self._place.node >= 0 else None

    def _told(self, place: NativePlace) -> Place:
        chosen: int = place.devices
        shape: int = place.shape
        return Place(
            id=place.id,
            request=self._requests[shape],
            node=place.node,
            devices=tuple(at for at in range(MOST_DEVICES) if chosen >> at & 1),
            score=place.score,
        )

    def _native(self, request: Request) -> NativeRequest:
        models = (1 << MOST_MODELS) - 1
        if request.models is not None:
            models = sum(1 << self._models[one] for one in request.models if one in self._models)
        return NativeRequest(
            request.cpu,
            request.memory,
            request.devices,
            request.share,
            request.device_memory,
            models,
        )

    def _native_node(self, node: Node) -> NativeNode:
        native = NativeNode(cpu=node.cpu, memory=node.memory)
        native.devices = node.devices
        native.model = self._models[node.model]
        native.device_size = node.device_memory
        for device in range(node.devices):
            native.share[device] = WHOLE
            native.device_memory[device] = node.device_memory
            native.island[device] = node.islands[device] if node.islands else 0
        return native

    def _native_prices(self, prices: Prices) -> NativePrices:
        native = NativePrices(
            prices.cpu_of_device, prices.stranded, prices.cpu, prices.fullest_first
        )
        for model, price in prices.models.items():
            native.model[self._models[model]] = price
        return native


def _numbered_models(nodes: Sequence[Node]) -> dict[str, int]:
    models = {model: number for number, model in enumerate(sorted({node.model for node in nodes}))}
    if len(models) > MOST_MODELS:
        raise BadNodeList(f"{len(models)} models of devices are more than {MOST_MODELS}")
    for node in nodes:
        if not 0 <= node.devices <= MOST_DEVICES or min(node.cpu, node.memory) < 0:
            raise BadNodeList(f"node {node.name!r} has {node.devices} devices")
    return models
