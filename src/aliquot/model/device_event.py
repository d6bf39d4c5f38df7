"""What happens to devices: they come, go, come back and change."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from aliquot.model.physical_device import PhysicalDevice


class DeviceEventKind(StrEnum):
    """What happened."""

    APPEARED = "appeared"
    LOST = "lost"
    RETURNED = "returned"
    CHANGED = "changed"


class DeviceEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event; `device` is as it is now, or as it last was where it is gone.

    `fields` names what changed; `why` says why a device that is still there counts as lost.
    """

    kind: DeviceEventKind
    device: PhysicalDevice
    fields: tuple[str, ...] = ()
    why: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The event for the stream."""
        return {
            "kind": self.kind.value,
            "uuid": self.device.uuid,
            "name": self.device.name,
            "simulated": self.device.simulated,
            "fields": list(self.fields),
            "why": self.why,
        }
