"""The service: all that the daemon does, for whatever face asks.

Its parts are attributes; each takes a Caller first, is safe to use from any thread, and raises what
stands in aliquot.errors.
"""

from __future__ import annotations

import logging
import socket
import threading

from aliquot.daemon.audit import Audit
from aliquot.daemon.core import Core
from aliquot.daemon.devices import Devices
from aliquot.daemon.diagram import Diagram
from aliquot.daemon.discovery import Finder
from aliquot.daemon.events import Events
from aliquot.daemon.groups import Groups
from aliquot.daemon.hardware import Hardware
from aliquot.daemon.hardware_watch import HardwareWatch
from aliquot.daemon.hosts import Hosts
from aliquot.daemon.housekeeping import Housekeeping
from aliquot.daemon.invitations import Invitations
from aliquot.daemon.leases import Leases
from aliquot.daemon.limits import USUAL
from aliquot.daemon.metrics import Metrics
from aliquot.daemon.node import Node
from aliquot.daemon.observer import Observer
from aliquot.daemon.own_metrics import AuditWatch
from aliquot.daemon.profiles import Profiles
from aliquot.daemon.queue import Queue
from aliquot.daemon.receipts import Receipts
from aliquot.daemon.reconciler import Reconciler
from aliquot.daemon.sampler import Sampler
from aliquot.daemon.tokens import Tokens
from aliquot.daemon.vgpu_processes import VgpuProcessList
from aliquot.daemon.vgpus import Vgpus
from aliquot.daemon.vms import Vms
from aliquot.devices import hotplug
from aliquot.devices.discovery import Discoverer
from aliquot.devices.inventory import InventorySource
from aliquot.leases.vm.hypervisors import Hypervisors
from aliquot.placement.engine.quotas import Quota
from aliquot.store import Location, Store, location
from aliquot.store.store import Clock, system_clock

_END_SECONDS = 10.0
_log = logging.getLogger(__name__)


class Service:
    """The daemon's work. A context manager: leaving closes it; device hosts and workers go on."""

    def __init__(self, core: Core, finder: Finder) -> None:
        """Use Service.open."""
        self.core = core
        self.store = core.store
        self.finder = finder
        self.reconciler = Reconciler(core)
        self.leases = Leases(core, self.reconciler)
        self.vgpus = Vgpus(core, self.reconciler, self.leases)
        self.devices = Devices(core)
        self.queue = Queue(core)
        self.processes = VgpuProcessList(core)
        self.diagram = Diagram(core, self.processes)
        self.groups = Groups(core, self.reconciler)
        self.observer = Observer(core, self.reconciler, self.leases)
        self.hardware = HardwareWatch(core, self.reconciler, self.vgpus.carriers)
        self.vms = Vms(core, self.reconciler)
        self.housekeeping = Housekeeping(core)
        self.profiles = Profiles(core.store)
        self.tokens = Tokens(core.store)
        self.invitations = Invitations(self.tokens)
        self.audit = Audit(core.store, core.node)
        self.events = Events(core.store)
        self.node = Node(core.store, core.node, core.problems)
        self.receipts = Receipts(core.store, self.leases.told_of)
        self.metrics = Metrics(core.store, core.live)
        self.reconciler.took = self.metrics.own.reconciled
        self.audit_watch = AuditWatch(core.store, self.metrics.own)
        self.sampler = Sampler(
            core.store,
            core.live,
            devices=finder.entries,
            read=lambda device: core.telemetry.get(device.uuid),
            usages=lambda: core.usages,
            wrote=self.metrics.own.wrote,
        )
        self._threads: list[threading.Thread] = []

    @classmethod
    def open(
        cls,
        where: Location | None = None,
        node: str | None = None,
        *,
        inventory: str | None = None,
        quota: Quota = USUAL,
        clock: Clock = system_clock,
        hosts: Hosts | None = None,
        hardware: Hardware | None = None,
        hypervisors: Hypervisors | None = None,
        discoverer: Discoverer | None = None,
    ) -> Service:
        """Open the state, look for devices once, adopt what runs, and start to work.

        `inventory` is a file with simulated devices; `quota` is what each tenant may have
        that is no admin. Raises StoreInUse where another daemon works on the state, BadInventory,
        and what else the store raises.
        """
        source = InventorySource(inventory) if inventory else None
        store = Store.open(where or location.usual(), node or socket.gethostname(), clock=clock)
        try:
            core = Core(store, store.identity.node, hosts or Hosts(), hardware, hypervisors)
            core.quota = quota
            finder = Finder(core, discoverer or Discoverer(inventory=source), hotplug.waiter())
            service = cls(core, finder)
            service._start()
        except BaseException:
            store.close()
            raise
        return service

    def _start(self) -> None:
        self.vgpus.carriers.remember()
        self.finder.look()
        self.observer.look()
        self._threads = [
            *self.reconciler.start(),
            *self.observer.threads(),
            *self.housekeeping.threads(),
            *self.queue.threads(),
            threading.Thread(target=self.finder.run, name="finder"),
            self.hardware.thread(),
            self.vms.thread(),
        ]
        for thread in self._threads:
            thread.start()
        self.audit_watch.start()
        self.sampler.start()

    def rediscover(self) -> None:
        """Ask every driver again, soon."""
        self.finder.ask_again()

    def close(self) -> None:
        """Stop the threads, then close the state."""
        self.core.stop.set()
        # What a device host doesn't answer in time isn't waited for.
        hurry = threading.Timer(_END_SECONDS, self.core.hosts.interrupt)
        hurry.daemon = True
        hurry.start()
        self.sampler.stop()
        self.audit_watch.stop()
        self.observer.stop()
        self.hardware.stop()
        self.vms.stop()
        self.queue.stop()
        self.reconciler.stop()
        for thread in self._threads:
            thread.join(_END_SECONDS)
            if thread.is_alive():
                _log.error("thread %s did not end", thread.name)
        self.observer.close()
        self.core.hypervisors.close()
        hurry.cancel()
        self.core.hosts.close()
        self.store.close()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
