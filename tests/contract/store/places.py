"""Places for states, of both kinds, and what the tests do with them."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from aliquot.model.device_record import DeviceRecord
from aliquot.model.lifecycle import VgpuState
from aliquot.model.shares import Shares
from aliquot.model.vgpu_record import VgpuRecord, VgpuSpec
from aliquot.store import Change, Location, Store, View, devices, lifecycle, location, vgpus
from tests.contract.store.postgresql import Server

GIB = 1 << 30
START_MS = 1_800_000_000_000
NODE = "node-a"
DEVICE = "11111111-0000-0000-0000-000000000001"
OTHER = "22222222-0000-0000-0000-000000000002"


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = START_MS

    def __call__(self) -> int:
        return self.now


class Place:
    """A kind of place: makes states there. The first is migrated, the others are copies of it."""

    def __init__(self, folder: Path, server: Server | None) -> None:
        self.server = server
        self._folder = folder
        self._made = 0
        self._template: str | None = None

    @property
    def on_sqlite(self) -> bool:
        """Whether these are folders."""
        return self.server is None

    def empty(self, *, keep: bool = False) -> Location:
        """A place without a state."""
        if self.server:
            return location.parse(self.server.database(keep=keep))
        self._made += 1
        folder = self._folder / f"state{self._made}"
        folder.mkdir(mode=0o700)
        return Location(str(folder))

    def made(self) -> Location:
        """A place with a new state, that no daemon has opened yet."""
        if self._template is None:
            first = self.empty(keep=True)
            Store.open(first, "template").close()
            assert first.url is None or first.url.database
            self._template = first.url.database if first.url else first.database
        if self.server:
            return location.parse(self.server.database(str(self._template)))
        where = self.empty()
        shutil.copy(str(self._template), where.database)
        return where

    @contextlib.contextmanager
    def opened(self, clock: Clock | None = None) -> Iterator[Store]:
        """A new state, open, with two devices."""
        with Store.open(self.made(), NODE, clock=clock or Clock()) as store:
            with store.change("root") as change:
                put_device(change, DEVICE)
                put_device(change, OTHER)
            yield store


def put_device(change: Change, uuid: str, memory: int = 16 * GIB, **more: object) -> DeviceRecord:
    """Discovery sees a device."""
    seen = DeviceRecord(uuid=uuid, node=NODE, name="GPU", memory=memory, **more)  # type: ignore[arg-type]
    return devices.put(change, seen)


def spec(memory: int = GIB, guarantee: int = 0, **more: object) -> VgpuSpec:
    """A spec with a size."""
    return VgpuSpec(memory=memory, shares=Shares(guarantee=guarantee), **more)  # type: ignore[arg-type]


def ready(
    change: Change, name: str, wanted: VgpuSpec | None = None, tenant: str = "alice"
) -> VgpuRecord:
    """A vGPU on the first device, ready."""
    made = vgpus.create(change, name, tenant, wanted or spec(), device=DEVICE)
    return lifecycle.transition(change, made.id, VgpuState.READY)


def device(view: View, uuid: str = DEVICE) -> DeviceRecord:
    """The device as it is kept."""
    return devices.get(view, uuid)
