"""The reconciler: sees to it that what is observed becomes what is wanted.

Level-triggered: an event only says which vGPU to look at, never what to do, and every ten seconds
all are looked at. What fails is tried again, each time later, up to half a minute.
"""

from __future__ import annotations

import heapq
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from aliquot.daemon.converge import Converger
from aliquot.daemon.core import Core
from aliquot.daemon.hardware import is_hardware
from aliquot.errors import AliquotError, NoSuchVgpu, StateError
from aliquot.model.event import Event
from aliquot.model.lifecycle import LEASABLE, VgpuState, Wanted
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.store import View, clock, devices, lifecycle, reservations, vgpus
from aliquot.store.change import SYSTEM
from aliquot.store.lists import more

RESYNC_SECONDS = 10.0
_FIRST_RETRY, _LAST_RETRY = 0.2, 30.0
_HANDS = 4  # of each device: one that doesn't answer holds up what is done on others not at all
_TELLING = frozenset({"vgpu.pending", "vgpu.wanted", "queue.served", "lease.released"})
_RESYNCING = frozenset({"device.returned", "device.found"})
_BUSY_SECONDS = 0.05
_log = logging.getLogger(__name__)


class Reconciler:
    """Looks at vGPUs when something happened to them, and at all of them every so often."""

    def __init__(self, core: Core) -> None:
        """Nothing runs before `start`."""
        self._core = core
        self.converger = Converger(core)
        self._due: list[tuple[float, str]] = []
        self._due_at: dict[str, float] = {}  # the one entry of each that counts
        self._failures: dict[str, int] = {}
        self._running: set[str] = set()
        self._again: set[str] = set()
        self._wake = threading.Condition()
        self._next_resync = 0.0
        self._hands: dict[str, ThreadPoolExecutor] = {}  # by the device; "" where there is no place
        # Called after each look at all, say to serve the queue.
        self.after_resync: list[Callable[[], None]] = []
        # Told how many seconds it took to bring a vGPU to what is wanted, and whether that failed.
        self.took: Callable[[float, bool], None] = lambda _, __: None

    def bring(self, vgpu: str) -> VgpuRecord:
        """Do now what is to be done for a vGPU; what fails is raised, and tried again later."""
        began = time.monotonic()
        with self._wake:
            self._due_at.pop(vgpu, None)  # all that was told of it up to now is seen to by this
        try:
            kept = self.converger.bring(vgpu)
        except NoSuchVgpu:
            raise
        except AliquotError:
            self.took(time.monotonic() - began, True)
            self._retry(vgpu)
            raise
        self.took(time.monotonic() - began, False)
        self._failures.pop(vgpu, None)
        return kept

    def schedule(self, vgpu: str, seconds: float = 0.0) -> None:
        """Look at a vGPU soon."""
        at = time.monotonic() + seconds
        with self._wake:
            if at < self._due_at.get(vgpu, math.inf):
                self._due_at[vgpu] = at
                heapq.heappush(self._due, (at, vgpu))
                if self._due[0] == (at, vgpu):  # else it wakes up earlier as it is
                    self._wake.notify()

    def due(self) -> list[str]:
        """The vGPUs that are to be looked at, the next one first."""
        with self._wake:
            return sorted(self._due_at, key=self._due_at.__getitem__)

    def start(self) -> list[threading.Thread]:
        """The thread that hands out the work, to be started. It looks at all vGPUs first."""
        self._core.store.watch(self._hear)
        return [threading.Thread(target=self._hand_out, name="reconciler")]

    def stop(self) -> None:
        """Let the threads end, once `stop` of the core is set, and wait for what they do now."""
        with self._wake:
            self._wake.notify_all()
            shut = list(self._hands.values())
        for hands in shut:
            hands.shutdown(wait=True, cancel_futures=True)

    def resync(self) -> None:
        """Look at all vGPUs, and schedule those that aren't as they should be."""
        with self._core.store.look() as view:
            listed = vgpus.listed(view, vgpus.Filter(node=self._core.node))
            present = {d.uuid for d in devices.listed(view, self._core.node) if d.present}
            places = more(view, listed[0].id, listed[-1].id).devices if listed else {}
            over = self._over(view)
        if over:
            with self._core.store.change(SYSTEM) as change:
                over = self._over(change)  # their owners may have given them more time meanwhile
                for kept in over:
                    spec = lifecycle.with_wanted(kept.spec, wanted=Wanted.DELETED)
                    lifecycle.want(change, kept.id, spec)
            for kept in over:
                self.schedule(kept.id)
        for kept in listed:
            moves = len(places.get(kept.id, ())) > 1
            if (moves or self._needs_work(kept, present)) and kept.id not in self._due_at:
                self.schedule(kept.id)
        for call in self.after_resync:
            call()

    def _over(self, view: View) -> list[VgpuRecord]:
        """Those whose time is over, and of which nobody wants yet that they end."""
        return [
            kept
            for kept in (vgpus.expired(view) if clock.believed(view) else [])
            if kept.node == self._core.node and kept.spec.wanted is not Wanted.DELETED
        ]

    def _needs_work(self, kept: VgpuRecord, present: set[str]) -> bool:
        if kept.spec.wanted is Wanted.DELETED or not kept.settled:
            return True
        if kept.spec.wanted is Wanted.SUSPENDED:
            return kept.state is not VgpuState.SUSPENDED
        if kept.state in LEASABLE:
            return kept.spec.ephemeral and kept.state is VgpuState.READY
        if kept.state is VgpuState.FAILED:
            return kept.status.device in present or is_hardware(kept.spec)
        return True

    def _hand_out(self) -> None:
        while not self._core.stop.is_set():
            now = time.monotonic()
            if now >= self._next_resync:
                self._next_resync = now + RESYNC_SECONDS
                self._guarded(self.resync)
            with self._wake:
                vgpus_due = self._take_due(time.monotonic())
                if not vgpus_due:
                    if self._core.stop.is_set():
                        return
                    first = self._due[0][0] if self._due else self._next_resync
                    self._wake.wait(max(0.0, min(first, self._next_resync) - time.monotonic()))
                    continue
            for vgpu in vgpus_due:
                self._give_to_hands(vgpu)

    def _give_to_hands(self, vgpu: str) -> None:
        """To those of the device on which it has its place."""
        device = ""
        with suppress(AliquotError), self._core.store.look() as view:
            device = next((held.device for held in reservations.of_vgpu(view, vgpu)), "")
        with self._wake:
            if self._core.stop.is_set():
                return  # `stop` may have shut the hands, and would not see new ones
            if device not in self._hands:
                self._hands[device] = ThreadPoolExecutor(_HANDS, "reconciler")
            self._hands[device].submit(self._work, vgpu)

    def _take_due(self, now: float) -> list[str]:
        found: dict[str, None] = {}
        while self._due and self._due[0][0] <= now:
            at, vgpu = heapq.heappop(self._due)
            if self._due_at.get(vgpu) != at:
                continue  # it was due earlier
            del self._due_at[vgpu]
            if vgpu in self._running:
                self._again.add(vgpu)
            else:
                found[vgpu] = None
        self._running.update(found)
        return list(found)

    def _work(self, vgpu: str) -> None:
        try:
            # Whoever has it now does what is to be done: look afterwards, and let no hand wait.
            if self._core.busy(vgpu):
                self.schedule(vgpu, _BUSY_SECONDS)
            else:
                self._guarded(lambda: self._bring_quietly(vgpu))
        finally:
            with self._wake:
                self._running.discard(vgpu)
                again = vgpu in self._again
                self._again.discard(vgpu)
            if again:
                self.schedule(vgpu)

    def _bring_quietly(self, vgpu: str) -> None:
        try:
            self.bring(vgpu)
        except NoSuchVgpu:
            self._failures.pop(vgpu, None)
        except AliquotError as error:
            _log.info("vGPU %s: %s", vgpu, error)

    def _retry(self, vgpu: str) -> None:
        times = self._failures.get(vgpu, 0)
        self._failures[vgpu] = times + 1
        self.schedule(vgpu, min(_LAST_RETRY, _FIRST_RETRY * 2 ** min(times, 16)))

    def _hear(self, happened: Sequence[Event]) -> None:
        """Called within other threads' changes: notes what to look at, and looks at nothing."""
        for vgpu in _vgpus_in(happened):
            self.schedule(vgpu, _BUSY_SECONDS)
        if any(event.kind in _RESYNCING for event in happened):
            with self._wake:
                self._next_resync = 0.0
                self._wake.notify()

    def _guarded(self, work: Callable[[], None]) -> None:
        """A thread outlives what goes wrong, a fault of ours included; it is told, and goes on."""
        try:
            work()
        except StateError as error:
            self._core.problems["reconciler"] = str(error)
            self._core.stop.wait(0.5)
        except Exception:
            _log.exception("the reconciler met a fault")
            self._core.problems["reconciler"] = "a fault was met; the log tells more"
            self._core.stop.wait(0.5)
        else:
            self._core.problems.pop("reconciler", None)


def _vgpus_in(happened: Sequence[Event]) -> dict[str, None]:
    """The vGPUs that events are about, in their order."""
    named = (
        event.body.get("vgpu", "") if event.kind == "lease.released" else event.subject
        for event in happened
        if event.kind in _TELLING
    )
    return dict.fromkeys(vgpu for vgpu in named if vgpu)
