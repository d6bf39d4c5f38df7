"""Devices: what discovery sees goes into the state, as it comes, goes and changes.

A line of `aliquot devices` is a device of the state: what an OpenCL driver offers, by the UUID by
which its device host is found, and each device that none offers.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from typing import Any

import msgspec

from aliquot.daemon.core import Core
from aliquot.daemon.simulated import simulate
from aliquot.devices.changes import POLL_SECONDS, Watcher
from aliquot.devices.discovery import Discoverer, Discovery
from aliquot.devices.listing import Entry, entries
from aliquot.errors import AliquotError
from aliquot.model.device import Device
from aliquot.model.device_record import DeviceRecord
from aliquot.model.physical_device import PhysicalDevice
from aliquot.model.telemetry import Telemetry
from aliquot.store import Change, devices
from aliquot.store.change import SYSTEM

_log = logging.getLogger(__name__)


class Finder:
    """Looks for devices once a second, reads their telemetry, and keeps both."""

    def __init__(
        self, core: Core, discoverer: Discoverer, wait: Callable[[float], object] | None = None
    ) -> None:
        """Nothing is known before the first look; `wait` as for devices.changes.watch."""
        self._core = core
        self._discoverer = discoverer
        self._wait = wait
        self._found: Discovery | None = None
        self._watcher = Watcher(self._discover)
        self._kept = False  # whether what was seen last is in the state
        self.changed = threading.Event()  # a device came, went or changed

    def entries(self) -> list[Entry]:
        """The devices as they were seen last, in the order of their indices."""
        return entries(self._found) if self._found else []

    def read(self, device: PhysicalDevice) -> Telemetry | None:
        """What a device does now."""
        return self._discoverer.telemetry(device)

    def look(self) -> None:
        """Look once; where anything has changed, change the state."""
        events = self._watcher.look()
        found = self._found
        assert found is not None
        for source, problem in found.problems.items():
            self._core.problems[f"discovery by {source}"] = problem
        for gone in [p for p in self._core.problems if p.startswith("discovery by ")]:
            if gone.removeprefix("discovery by ") not in found.problems:
                del self._core.problems[gone]
        if events or not self._kept:
            self._kept = False
            seen = entries(found)
            self._core.hosts.know(entry.offer for entry in seen if entry.offer)
            with self._core.store.change(SYSTEM) as change:
                self._keep(change, seen)
            self._kept = True
            self.changed.set()
        self._read_telemetry(found.devices)

    def ask_again(self) -> None:
        """Ask every driver at the next look, within a second. Any thread may call this."""
        self._discoverer.ask_again()

    def run(self) -> None:
        """Look until the service stops."""
        while not self._core.stop.is_set():
            try:
                self.look()
                self._core.problems.pop("discovery", None)
            except AliquotError as error:  # the state can't be written now; again in a second
                self._core.problems["discovery"] = str(error)
            except Exception:
                _log.exception("discovery met a fault")
                self._core.problems["discovery"] = "a fault was met; the log tells more"
            if self._wait is None:
                self._core.stop.wait(POLL_SECONDS)
            else:
                self._wait(POLL_SECONDS)

    def _discover(self) -> Collection[PhysicalDevice]:
        self._found = self._discoverer.discover()
        return self._found.devices

    def _keep(self, change: Change, seen: list[Entry]) -> None:
        before = devices.listed(change, change.node)
        here: set[str] = set()
        for index, entry in enumerate(seen):
            record = _record(change.node, index, entry, _uuid_of(entry, before))
            known = next((one for one in before if one.uuid == record.uuid), None)
            if known is not None and entry.memory is None:
                # The driver that told has no longer the card, which has its memory all the same.
                record = msgspec.structs.replace(record, memory=known.memory)
            here.add(record.uuid)
            devices.put(change, record)
            if entry.device.vgpus:
                simulate(change, entry.uuid, entry.device)
        for kept in devices.listed(change, change.node):
            # Partitions are no devices of discovery's: carriers.py has them.
            if kept.present and kept.uuid not in here and not kept.facts.get("carrier"):
                devices.lose(change, kept.uuid)

    def _read_telemetry(self, found: Collection[PhysicalDevice]) -> None:
        read = self._core.telemetry
        silent = set(read)  # of a device that is gone nobody tells anything
        for device in found:
            told = self._discoverer.telemetry(device)
            if told is not None:
                told_of = {device.uuid, *(offer.uuid for offer in device.offers)}
                read.update(dict.fromkeys(told_of, told))
                silent -= told_of
        for uuid in silent:
            del read[uuid]


def _uuid_of(entry: Entry, before: Collection[DeviceRecord]) -> str:
    """The UUID by which a device is kept.

    A card that was handed over is offered by no OpenCL driver any more, and may be listed by
    another UUID for that; it stays the device on which its vGPU has its place.
    """
    if entry.offer is not None:
        return entry.uuid
    card = entry.device.uuid
    own = [one.uuid for one in before if _has_place(one) and one.facts.get("uuid") == card]
    return entry.uuid if entry.uuid in own or not own else own[0]


def _has_place(device: DeviceRecord) -> bool:
    return device.reserved_memory > 0 or device.reserved_guarantee > 0


def _record(node: str, index: int, entry: Entry, uuid: str) -> DeviceRecord:
    device = entry.device
    facts: dict[str, Any] = device.as_dict() | {
        "kind": entry.kind,
        "platform": entry.platform,
        "other_names": list(entry.other_names),
        "index": index,
        "offer": entry.offer._asdict() if entry.offer else None,
        "unified_memory": entry.offer.unified_memory if entry.offer else None,
    }
    if device.pci is not None and device.pci.link is not None:
        # Links sleep and wake all the time: how fast one is at this moment is no fact.
        for passing in ("speed_gts", "width"):
            facts["pci"]["link"].pop(passing, None)
    return DeviceRecord(
        uuid=uuid,
        node=node,
        name=entry.name,
        memory=entry.memory or 0,
        present=device.fault is None,
        simulated=device.simulated,
        facts=msgspec.to_builtins(facts),
    )


def offer_of(kept: DeviceRecord) -> Device | None:
    """The device as its driver offered it, as it is kept."""
    offer = kept.facts.get("offer")
    if not offer:
        return None
    variables = tuple((name, value) for name, value in offer.get("variables", ()))
    return Device(**offer)._replace(variables=variables)
