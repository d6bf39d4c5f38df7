"""What tests attach."""

from __future__ import annotations

import uuid

from aliquot.model.hardware import Attachment
from aliquot.model.modes import Mode

VGPU = "11111111222233334444555555555555"
OTHER = "99999999222233334444555555555555"
CARD = ("0000:01:00.0", "0000:01:00.1")
MDEV = "/sys/bus/mdev/devices/11111111-2222-3333-4444-555555555555"


def card(vgpu: str = VGPU, rom: str | None = None) -> Attachment:
    """A card with its audio function, as the mode passthrough hands it over."""
    return Attachment(mode=Mode.PASSTHROUGH, vgpu=str(uuid.UUID(vgpu)), functions=CARD, rom=rom)


def function(address: str = "0000:02:00.4", vgpu: str = OTHER) -> Attachment:
    """A virtual function."""
    return Attachment(mode=Mode.SRIOV, vgpu=str(uuid.UUID(vgpu)), functions=(address,))


def mdev(vgpu: str = VGPU, path: str = MDEV) -> Attachment:
    """An mdev."""
    return Attachment(mode=Mode.MDEV, vgpu=str(uuid.UUID(vgpu)), path=path)


def instance() -> Attachment:
    """A MIG instance, which no VM can be given as a device."""
    return Attachment(mode=Mode.MIG, vgpu=str(uuid.UUID(VGPU)), environment={"A": "MIG-1"})
