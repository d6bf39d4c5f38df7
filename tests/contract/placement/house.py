"""The parts of the daemon that give out places, on a state with simulated devices."""

from __future__ import annotations

from typing import Any

from aliquot.daemon.caller import Caller
from aliquot.daemon.core import Core
from aliquot.daemon.groups import Groups
from aliquot.daemon.hosts import Hosts
from aliquot.daemon.place import find
from aliquot.daemon.queue import Queue, enter
from aliquot.daemon.reconciler import Reconciler
from aliquot.daemon.serving import Served
from aliquot.daemon.views import demand
from aliquot.errors import MemoryUnavailable, NoDeviceFits, ShareUnavailable
from aliquot.model.access_token import Role
from aliquot.model.lifecycle import VgpuState, Wanted
from aliquot.model.shares import PriorityClass, Shares
from aliquot.model.vgpu_record import VgpuRecord, VgpuSpec
from aliquot.store import Store, lifecycle, queue, reservations, vgpus
from tests.contract.store.agreement import assert_agree
from tests.contract.store.places import DEVICE, GIB, NODE, OTHER, Clock, put_device

ADMIN = Caller(tenant="root", role=Role.ADMIN)
ALICE = Caller(tenant="alice", role=Role.USER)
BOB = Caller(tenant="bob", role=Role.USER)
FACTS = {"modes": [{"mode": "remoting", "can": True}], "kind": "gpu", "index": 0}
LONG_MS = 3_600_000


def wanted(memory: int, guarantee: int = 0, priority: str = "normal", **more: Any) -> VgpuSpec:
    """A spec; memory in GiB, the guarantee in percent."""
    shares = Shares(guarantee=guarantee * 100, priority=PriorityClass[priority.upper()])
    return VgpuSpec(memory=memory * GIB, shares=shares, **more)


class House:
    """A daemon without threads: what is to be done is done by `settle`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        with store.change("root") as change:
            for index, uuid in enumerate((DEVICE, OTHER)):
                put_device(change, uuid, simulated=True, facts=FACTS | {"index": index})
        self.core = Core(store, NODE, Hosts())
        self.reconciler = Reconciler(self.core)
        self.monotonic = 0.0
        self.queue = Queue(self.core, lambda: self.monotonic)
        self.groups = Groups(self.core, self.reconciler)

    def create(
        self, name: str, spec: VgpuSpec, caller: Caller = ALICE, wait_ms: int | None = LONG_MS
    ) -> str:
        """Make a vGPU where it fits, or let it wait; returns its id."""
        with self.store.change(caller.actor) as change:
            try:
                device = find(change, demand(spec, caller.tenant), NODE).device.uuid
            except (MemoryUnavailable, ShareUnavailable, NoDeviceFits):
                if wait_ms is None:
                    raise
                device = None
            made = vgpus.create(change, name, caller.tenant, spec, device=device)
            if device is None:
                enter(change, made, wait_ms or 0)
        self.settle()
        return made.id

    def settle(self) -> None:
        """What the reconciler would do."""
        with self.store.look() as view:
            ids = [kept.id for kept in vgpus.listed(view)]
        for vgpu in ids:
            self.reconciler.bring(vgpu)

    def serve(self) -> Served:
        """A pass over the queue, and what the reconciler makes of it."""
        done = self.queue.serve()
        self.settle()
        return Served(
            [vgpu for one in done for vgpu in one.placed],
            [vgpu for one in done for vgpu in one.suspended],
            [vgpu for one in done for vgpu in one.ended],
        )

    def delete(self, vgpu: str) -> None:
        """End a vGPU."""
        self.want(vgpu, wanted=Wanted.DELETED)

    def want(self, vgpu: str, **changes: Any) -> None:
        """Want something else of a vGPU."""
        with self.store.change("root") as change:
            spec = lifecycle.with_wanted(vgpus.get(change, vgpu).spec, **changes)
            lifecycle.want(change, vgpu, spec)
        self.settle()

    def get(self, vgpu: str) -> VgpuRecord:
        """The vGPU as it is kept."""
        with self.store.look() as view:
            return vgpus.get(view, vgpu)

    def state(self, vgpu: str) -> VgpuState:
        """Its state."""
        return self.get(vgpu).state

    def where(self, vgpu: str) -> str | None:
        """The device of its place."""
        with self.store.look() as view:
            held = reservations.of_vgpu(view, vgpu)
            assert len(held) <= 1
            return held[0].device if held else None

    def waiting(self) -> list[str]:
        """The names of who waits, in their order."""
        with self.store.look() as view:
            return [vgpus.get(view, entry.vgpu).name for entry in queue.waiting(view)]

    def check(self) -> None:
        """The state agrees with itself."""
        with self.store.look() as view:
            assert_agree(view)
