"""What all parts of the service share: the state, device hosts, hardware, and a lock a vGPU."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from aliquot.daemon.hardware import Hardware
from aliquot.daemon.hosts import Hosts
from aliquot.daemon.limits import USUAL
from aliquot.daemon.live import Live
from aliquot.leases.vm.hypervisors import Hypervisors
from aliquot.model.telemetry import Telemetry
from aliquot.model.vgpu import VgpuUsage
from aliquot.store import Store


class Core:
    """Held by each part. `usages` and `telemetry` are what was observed last, in memory alone."""

    def __init__(
        self,
        store: Store,
        node: str,
        hosts: Hosts,
        hardware: Hardware | None = None,
        hypervisors: Hypervisors | None = None,
    ) -> None:
        """Share these; threads begin with the service."""
        self.store = store
        self.node = node
        self.hosts = hosts
        self.hardware = hardware or Hardware()
        self.hypervisors = hypervisors or Hypervisors()
        self.stop = threading.Event()
        self.quota = USUAL  # of each tenant
        self.usages: dict[str, VgpuUsage] = {}  # by the vGPU's id
        self.telemetry: dict[str, Telemetry] = {}  # by the device's UUID
        self.live = Live()  # what was measured in the last seconds
        self.problems: dict[str, str] = {}  # by what has it, in a sentence
        self._locks: dict[str, _VgpuLock] = {}
        self._guard = threading.Lock()

    @contextmanager
    def alone(self, vgpu: str) -> Generator[None]:
        """Nothing else is done to this vGPU meanwhile, by whatever thread. May be nested."""
        with self._guard:
            lock = self._locks.setdefault(vgpu, _VgpuLock())
            lock.users += 1
        try:
            with lock.lock:
                try:
                    yield
                finally:
                    lock.touched = time.monotonic()
        finally:
            with self._guard:
                lock.users -= 1
                stale = time.monotonic() - _REMEMBERED_SECONDS
                if not lock.users and len(self._locks) > _MOST_LOCKS:
                    idle = [v for v, k in self._locks.items() if not k.users and k.touched < stale]
                    for known in idle:
                        del self._locks[known]

    def busy(self, vgpu: str) -> bool:
        """Whether something is being done to it now."""
        with self._guard:
            lock = self._locks.get(vgpu)
            return lock is not None and lock.users > 0

    def touched_since(self, vgpu: str, moment: float) -> bool:
        """Whether something was done to it after a moment of the monotonic clock, or is now."""
        with self._guard:
            lock = self._locks.get(vgpu)
            return lock is not None and (lock.users > 0 or lock.touched >= moment)

    def had_since(self, vgpu: str, moment: float) -> bool:
        """For who has it alone: whether somebody else had it after a moment of that clock."""
        with self._guard:
            lock = self._locks.get(vgpu)
            return lock is not None and lock.touched >= moment


_MOST_LOCKS = 4096
_REMEMBERED_SECONDS = 60.0


class _VgpuLock:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.users = 0
        self.touched = 0.0
