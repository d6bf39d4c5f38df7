"""Remembers which UUID the card in a PCI slot has, for when its driver isn't there to tell.

A card that is handed to vfio-pci loses its vendor's driver, and with it the UUID in the hardware.
It is still the same device: so a UUID that was told once is kept with the slot and the kind of
card, and holds until a driver tells another. (Two cards of one kind that change places without a
driver are confused until then.) The file is the user's own; a damaged one counts as missing.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any, cast

from aliquot import environment
from aliquot.devices.identity import machine_id, normal_uuid
from aliquot.model.pci import PciFunction

_FILE = "known-devices.json"
_MOST_BYTES = 1 << 20


class KnownDevices:
    """UUIDs by place; read once, written when `keep` is called and something is new."""

    def __init__(self, path: str | None = None) -> None:
        """Remember in this file, by default one in the cache directory."""
        self._path = path or os.path.join(environment.cache_directory(), _FILE)
        self._uuids = self._read()
        self._changed = False

    def find(self, function: PciFunction) -> str | None:
        """The UUID that the card in this place told last."""
        return self._uuids.get(_place(function))

    def learn(self, function: PciFunction, uuid: str) -> None:
        """The card in this place has this UUID."""
        if self._uuids.get(_place(function)) != uuid:
            self._uuids[_place(function)] = uuid
            self._changed = True

    def keep(self) -> None:
        """Write what was learnt; where that can't be done, it is learnt again next time."""
        if not self._changed:
            return
        temporary = f"{self._path}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            with open(temporary, "w", encoding="utf-8") as file:
                json.dump({"machine": machine_id(), "uuids": self._uuids}, file)
            os.replace(temporary, self._path)
            self._changed = False
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)

    def _read(self) -> dict[str, str]:
        try:
            with open(self._path, encoding="utf-8") as file:
                kept: Any = json.loads(file.read(_MOST_BYTES))
            if kept["machine"] != machine_id():
                return {}  # a home directory that several machines share
            told = cast("dict[str, str]", dict(kept["uuids"]))
            return {place: uuid for place, uuid in told.items() if normal_uuid(uuid) == uuid}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}


def _place(function: PciFunction) -> str:
    ids = (function.vendor_id, function.device_id, function.subsystem_id)
    return " ".join([function.address, *(part or "?" for part in ids)])
