"""The observer: hears from the device hosts, and keeps what has changed.

Of leases the device hosts are the truth: they hold them by the processes themselves, and outlive
the daemon. What changes all the time (memory in use, shares) stays in memory; the state is written
only where a vGPU, its worker or its leases have changed.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait

from aliquot.daemon.adoption import Adoption
from aliquot.daemon.core import Core
from aliquot.daemon.holders import Holders
from aliquot.daemon.hosts import NotRunning
from aliquot.daemon.leases import Leases
from aliquot.daemon.reconciler import Reconciler
from aliquot.errors import AliquotError, DeviceHostError, NoSuchEntry
from aliquot.model.vgpu import VgpuUsage
from aliquot.store import devices, leases
from aliquot.store.change import SYSTEM

LOOK_SECONDS = 1.0
IDLE_SECONDS = 5.0  # between looks at a device host whose vGPUs nobody has leased
WHOLE_SECONDS = 10.0  # after which all is compared with the state, whether it changed or not
_MOST_LOOKS = 256  # at once: one that doesn't answer holds up none of the others
_MOST_ENDS = 8
_log = logging.getLogger(__name__)


class _Last:
    """What a device host told last."""

    def __init__(self) -> None:
        self.at = float("-inf")
        self.compared_at = float("-inf")
        self.told: object = None
        self.vgpus: list[str] = []
        self.busy = False
        self.look: Future[None] | None = None  # the one that is under way


class Observer:
    """Looks at the device hosts each second, and at the ends of processes as they come."""

    def __init__(self, core: Core, reconciler: Reconciler, held: Leases) -> None:
        """Nothing is known before the first look."""
        self._core = core
        self._reconciler = reconciler
        self._leases = held
        self.holders = Holders(lambda lease: self._ends.submit(self._holder_ended, lease))
        held.holders = self.holders
        self._adoption = Adoption(core, reconciler, self.holders, held)
        self._last: dict[str, _Last] = {}
        self._wake = threading.Event()
        self._looks = ThreadPoolExecutor(_MOST_LOOKS, "observer-look")
        self._ends = ThreadPoolExecutor(_MOST_ENDS, "observer-end")

    def look(self, *, whole: bool = False) -> None:
        """Ask those device hosts whose turn it is; with `whole` all, comparing everything.

        They are asked at once, and who doesn't answer soon is waited for by the next look at most.
        """
        running = self._core.hosts.running()
        now = time.monotonic()
        begun: list[Future[None]] = []
        for uuid in running:
            last = self._last.setdefault(uuid, _Last())
            pause = LOOK_SECONDS if last.busy else IDLE_SECONDS
            if last.look is None and (whole or now - last.at >= pause - 0.05):
                last.look = self._looks.submit(self._look_at, uuid, last, whole)
                begun.append(last.look)
        wait(begun, None if whole else LOOK_SECONDS)
        for uuid, last in list(self._last.items()):
            if uuid not in running and last.look is None:
                self._nothing_at(uuid, self._last.pop(uuid))
        for last in self._last.values():
            if last.look is not None and last.look.done():
                ended, last.look = last.look, None
                ended.result()

    def look_at_rest(self) -> None:
        """Compare the devices of which no device host runs: nothing of theirs is anywhere."""
        running = self._core.hosts.running()
        in_mind = self._leases.in_mind()  # before the state is read: one may begin meanwhile
        with self._core.store.look() as view:
            known = devices.listed(view, self._core.node)
            in_force = {lease.id for lease in leases.listed(view)}
        self._leases.forget(in_mind - in_force)
        for device in known:
            if device.uuid not in running and not device.simulated and device.reserved_memory:
                self._adoption.compare(device.uuid, [], time.monotonic())

    def threads(self) -> list[threading.Thread]:
        """The threads, to be started."""
        return [
            threading.Thread(target=self._run, name="observer"),
            threading.Thread(target=self.holders.run, name="holders"),
        ]

    def stop(self) -> None:
        """Let the threads end."""
        self._wake.set()
        self.holders.stop()

    def close(self) -> None:
        """Wait for what is under way, once the threads have ended."""
        self._looks.shutdown(cancel_futures=True)
        self._ends.shutdown(cancel_futures=True)
        self.holders.close()

    def _run(self) -> None:
        next_rest = 0.0
        while not self._core.stop.is_set():
            try:
                self.look()
                if time.monotonic() >= next_rest:
                    next_rest = time.monotonic() + WHOLE_SECONDS
                    self.look_at_rest()
                self._core.problems.pop("observer", None)
            except AliquotError as error:
                self._core.problems["observer"] = str(error)
            except Exception:
                _log.exception("the observer met a fault")
                self._core.problems["observer"] = "a fault was met; the log tells more"
            self._wake.wait(LOOK_SECONDS)

    def _look_at(self, uuid: str, last: _Last, whole: bool) -> None:
        began = last.at = time.monotonic()
        try:
            usages = self._core.hosts.ask(uuid, lambda host: host.list_vgpus(), start=False)
        except NotRunning:
            usages = []
        except DeviceHostError as error:
            self._core.problems[f"device host {uuid}"] = str(error)
            return
        self._core.problems.pop(f"device host {uuid}", None)
        if not usages:
            self._core.hosts.let_go(uuid)
        last.busy = any(usage.holders or not usage.lasting for usage in usages)
        told = [_told(usage) for usage in usages]
        if whole or told != last.told or began - last.compared_at >= WHOLE_SECONDS:
            last.told = None  # until it is compared to the end
            if self._adoption.compare(uuid, usages, began):
                last.told, last.compared_at = told, began
        self._keep_usages(uuid, last, usages)

    def _nothing_at(self, uuid: str, last: _Last) -> None:
        """Its device host has gone."""
        self._adoption.compare(uuid, [], time.monotonic())
        self._keep_usages(uuid, last, [])

    def _keep_usages(self, uuid: str, last: _Last, usages: list[VgpuUsage]) -> None:
        found = {self._adoption.id_of(usage): usage for usage in usages}
        usages_of = self._core.usages
        for vgpu in last.vgpus:
            if vgpu not in found and vgpu in usages_of and usages_of[vgpu].device_uuid == uuid:
                usages_of.pop(vgpu, None)
        last.vgpus = [vgpu for vgpu in found if vgpu]
        usages_of.update((vgpu, usage) for vgpu, usage in found.items() if vgpu)

    def _holder_ended(self, lease: str) -> None:
        try:
            with self._core.store.look() as view:
                kept = leases.get(view, lease)
            with self._core.alone(kept.vgpu):
                self._leases.drop(SYSTEM, kept, "its process ended")
        except NoSuchEntry:
            return
        except AliquotError as error:
            _log.warning("lease %s: %s", lease, error)  # the next look finds it
        except Exception:
            _log.exception("the end of lease %s met a fault", lease)


def _told(usage: VgpuUsage) -> tuple[object, ...]:
    """Of what a device host tells that which the state keeps."""
    sizes = (usage.memory_limit, usage.turns.shares, usage.copies.limit)
    names = (usage.id, usage.name, usage.external_id, usage.worker_process_id)
    return (*names, *sizes, usage.state, usage.holders)
