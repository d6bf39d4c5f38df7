"""What there is and what is asked for, in several dimensions at once.

CPU is in thousandths of a core, memory in bytes, shares in hundredths of a percent of one device.
"""

from __future__ import annotations

import msgspec

from aliquot.errors import ImpossibleRequest
from aliquot.model.shares import WHOLE
from aliquot.placement.engine.policy import Policy

MOST_DEVICES = 16  # of one node
MOST_MODELS = 64  # in one cluster


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A machine with `devices` alike devices. Without `device_memory` no request may ask for any.

    `islands` says for each device which others it is linked to closely (NVLink, one PCIe switch,
    one NUMA node): those with the same number; empty: all are. `domain` is what fails or is linked
    together with other nodes: a rack, a zone. A node that `stands_in` is taken only where no other
    will do.
    """

    name: str
    cpu: int
    memory: int
    devices: int
    model: str = ""
    device_memory: int = 0
    islands: tuple[int, ...] = ()
    domain: str = ""
    stands_in: bool = False

    @property
    def capacity(self) -> int:
        """Hundredths of a percent of devices, in all."""
        return self.devices * WHOLE


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What wants a place: host resources once, and of each of `devices` devices a share and memory.

    Without a share it has what others leave of a device. `models` are the models that will do;
    None: any. A request for several devices gets different ones, all of one node. `policy` is its
    own; None: the engine's.
    """

    cpu: int = 0
    memory: int = 0
    devices: int = 0
    share: int = 0
    device_memory: int = 0
    models: frozenset[str] | None = None
    policy: Policy | None = None

    @property
    def total(self) -> int:
        """Hundredths of a percent of devices, in all."""
        return self.devices * self.share

    def check(self) -> None:
        """Raises ImpossibleRequest where no node of any size could serve it."""
        if min(self.cpu, self.memory, self.device_memory) < 0:
            raise ImpossibleRequest("a request asks for less than nothing")
        if not 0 <= self.devices <= MOST_DEVICES:
            raise ImpossibleRequest(f"a request asks for {self.devices} devices")
        least = 0 if self.device_memory else 1
        if self.devices and not least <= self.share <= WHOLE:
            raise ImpossibleRequest(f"a request asks for {self.share / 100:g} % of a device")
        if not self.devices and (self.share or self.device_memory):
            raise ImpossibleRequest("a request asks for a share of no device")


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """What is free on a node; shares and device memory device by device."""

    cpu: int
    memory: int
    shares: tuple[int, ...]
    device_memory: tuple[int, ...]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request is: on which devices of which node. `score`: how good a place it was."""

    id: int
    request: Request
    node: int
    devices: tuple[int, ...]
    score: int = 0


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """What makes room, too: two places, by their ids, exchange their devices; the request goes to
    where `larger` was."""

    larger: int
    smaller: int


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """What makes room: the place `moved` is given up for one on node `to`, and a request goes to
    node `source` instead."""

    moved: int
    source: int
    to: int
