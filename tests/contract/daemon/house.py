"""A service on made-up devices, whose threads don't run: the test says what happens when."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from aliquot.daemon import agreement
from aliquot.daemon.caller import Caller
from aliquot.daemon.core import Core
from aliquot.daemon.discovery import Finder
from aliquot.daemon.service import Service
from aliquot.devices.discovery import Discoverer
from aliquot.devices.known_devices import KnownDevices
from aliquot.errors import AliquotError
from aliquot.model.access_token import Role
from aliquot.store import Location, Store, vgpus
from tests.contract.store.places import NODE, Clock
from tests.fakes.device_hosts import FakeMachine, device

ONE = "11111111-0000-4000-8000-000000000001"
TWO = "22222222-0000-4000-8000-000000000002"
ADMIN = Caller(tenant="root", role=Role.ADMIN, user_id=0)
ALICE = Caller(tenant="alice", role=Role.USER)
BOB = Caller(tenant="bob", role=Role.USER)
VIEWER = Caller(tenant="alice", role=Role.VIEWER)
MIB = 1 << 20
GIB = 1 << 30


class House:
    """The service and what surrounds it."""

    def __init__(self, folder: Path, machine: FakeMachine, where: Location | None = None) -> None:
        self.machine = machine
        self.clock = Clock()
        self.folder = folder
        (folder / "sys").mkdir(exist_ok=True)
        store = Store.open(where or Location(str(folder / "state")), NODE, clock=self.clock)
        self.core = Core(store, NODE, machine.hosts())
        finder = Finder(
            self.core,
            Discoverer(
                sysfs_root=str(folder / "sys"),
                opencl=machine.opencl,
                known=KnownDevices(str(folder / "known")),
            ),
        )
        self.service = Service(self.core, finder)
        self.store = store
        finder.look()

    def look(self) -> None:
        """The observer looks at all, and the reconciler does what is to be done."""
        self.service.observer.look(whole=True)
        self.service.observer.look_at_rest()
        self.settle()

    def settle(self) -> None:
        """Bring all vGPUs to where they should be, as far as that can be."""
        with self.store.look() as view:
            listed = vgpus.listed(view)
        for kept in listed:
            with contextlib.suppress(AliquotError):
                self.service.reconciler.bring(kept.id)

    def problems(self) -> list[str]:
        """In what state and device hosts disagree."""
        return agreement.problems(self.store, NODE, self.machine.usages)

    def close(self) -> None:
        """As a daemon ends that was told to."""
        self.core.stop.set()
        self.service.observer.close()
        self.service.reconciler.stop()
        self.core.hosts.close()
        self.store.close()


@contextlib.contextmanager
def house(
    folder: Path, machine: FakeMachine | None = None, where: Location | None = None
) -> Iterator[House]:
    """A house with two devices; its state is in a folder where no other place is given."""
    made = House(folder, machine or FakeMachine(device(ONE), device(TWO)), where)
    try:
        yield made
    finally:
        made.close()
