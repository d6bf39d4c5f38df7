"""The queue of what doesn't fit now: who waits, who stops waiting, and what serves it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from aliquot import words
from aliquot.daemon import access
from aliquot.daemon.caller import Caller
from aliquot.daemon.core import Core
from aliquot.daemon.resources import vgpu_resources
from aliquot.daemon.serving import (
    Known,
    Served,
    give_up,
    is_there_work,
    next_round,
    refused,
    serve_queue,
    spare,
    together,
    why_waiting,
)
from aliquot.daemon.views import ALL_MEMORY
from aliquot.errors import QueueFull, SizeNeeded, StateError
from aliquot.model.api.vgpus import QueuePage, VgpuResource, Waiting
from aliquot.model.event import Event
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.model.why import Why, because
from aliquot.store import Change, View, queue, vgpus
from aliquot.store.change import SYSTEM

MOST_WAITING = 1000  # of a tenant
EVERY_SECONDS = 10.0
# After these there may be room, or somebody new to think of.
_TELLING = frozenset(
    {
        "vgpu.deleted",
        "vgpu.explained",
        "vgpu.failed",
        "vgpu.moved",
        "vgpu.observed",
        "vgpu.stayed",
        "vgpu.suspended",
        "vgpu.wanted",
        "device.changed",
        "device.found",
        "device.returned",
        "device.settings",
        "queue.entered",
        "queue.left",
        "queue.served",
    }
)
_log = logging.getLogger(__name__)


def enter(change: Change, kept: VgpuRecord, wait_ms: int) -> None:
    """Let a vGPU without a place wait for one; raises QueueFull, SizeNeeded.

    One that waits already keeps its position.
    """
    if kept.spec.memory == ALL_MEMORY:
        raise SizeNeeded(f"vGPU {kept.name!r} is to wait, and has no size")
    if queue.find(change, kept.id) is not None:
        return
    if (count := queue.counted(change, kept.tenant)) >= MOST_WAITING:
        raise QueueFull(f"{count} vGPUs of {kept.tenant!r} wait already")
    queue.enter(change, kept.id, change.now_ms + wait_ms)


class Queue:
    """What waits for a place. Places are given by a thread, whenever something may have one."""

    def __init__(self, core: Core, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Nothing is served before `threads` are started, or `serve` is called."""
        self._core = core
        self._monotonic = monotonic
        # When this daemon saw them first: the machine's clock may jump, and this one doesn't.
        self._waiting_since: dict[str, float] = {}
        self._told = threading.Event()
        self._unstoppable: set[str] = set()  # ids of vGPUs that device hosts can't suspend

    def list(self, caller: Caller) -> QueuePage:
        """Who waits, the next to be served first; positions are among all, of all tenants."""
        core = self._core
        with core.store.look() as view:
            found = next_round(view, core.node)
        items = [
            Waiting(
                vgpu=kept.id,
                name=kept.name,
                tenant=kept.tenant,
                position=entry.position,
                since_ms=entry.since_ms,
                until_ms=entry.until_ms,
                why=words.english(why),
                lines=[why],
            )
            for unit, turn in zip(found.units, found.turns, strict=True)
            if caller.may_see(unit.members[0].tenant)
            for why in [why_waiting(unit, turn)]
            for entry, kept in zip(unit.entries, unit.members, strict=True)
        ]
        return QueuePage(items=sorted(items, key=lambda item: item.position))

    def leave(self, caller: Caller, vgpu: str) -> VgpuResource:
        """Wait no longer: a vGPU that never had a place is gone, a suspended one stays suspended.

        A group waits as a whole, and ends waiting as a whole. Raises NoSuchEntry, NoSuchVgpu.
        """
        access.must_be_user(caller)
        with self._core.store.change(caller.actor) as change:
            kept = access.vgpu_of(change, caller, vgpu)
            for entry in together(change, queue.get(change, kept.id)):
                give_up(change, entry, because(Why.TAKEN_OUT))
            return vgpu_resources(change, [vgpus.get(change, kept.id)], self._core.usages)[0]

    def serve(self) -> list[Served]:
        """Give out what there is, in as many changes as that takes."""
        core = self._core
        done: list[Served] = []
        self._spare()
        while not core.stop.is_set():
            with core.store.look() as view:
                known = Known(self._unstoppable, self._over(view))
                if not is_there_work(view, core.node, known):
                    break
            with core.store.change(SYSTEM) as change:
                done.append(serve_queue(change, known))
            if not done[-1].more:
                break
        return done

    def _over(self, view: View) -> set[str]:
        """Who has waited as long as they were to, since this daemon looked."""
        now = self._monotonic()
        waiting = queue.waiting(view)
        before = self._waiting_since
        self._waiting_since = {entry.vgpu: before.get(entry.vgpu, now) for entry in waiting}
        return {
            entry.vgpu
            for entry in waiting
            if entry.until_ms is not None
            and (now - self._waiting_since[entry.vgpu]) * 1000 >= entry.until_ms - entry.since_ms
        }

    def _spare(self) -> None:
        """What can't be suspended goes on, and is not asked to make way again by this daemon."""
        with self._core.store.look() as view:
            found = refused(view, self._core.node)
        if found:
            with self._core.store.change(SYSTEM) as change:
                for kept in refused(change, self._core.node):
                    spare(change, kept)
            self._unstoppable.update(kept.id for kept in found)

    def threads(self) -> list[threading.Thread]:
        """The thread that serves, to be started."""
        self._core.store.watch(self._hear)
        return [threading.Thread(target=self._run, name="queue")]

    def stop(self) -> None:
        """Let the thread end."""
        self._told.set()

    def _run(self) -> None:
        core = self._core
        while not core.stop.is_set():
            try:
                self.serve()
            except StateError as error:
                core.problems["queue"] = str(error)
            except Exception:
                _log.exception("serving the queue met a fault")
                core.problems["queue"] = "a fault was met; the log tells more"
            else:
                core.problems.pop("queue", None)
            # Until something happens that may give room, or some seconds have passed.
            self._told.wait(EVERY_SECONDS)
            self._told.clear()

    def _hear(self, happened: Sequence[Event]) -> None:
        """Called within other threads' changes: only notes that there may be room."""
        self._unstoppable.difference_update(
            event.subject for event in happened if event.kind == "vgpu.deleted"
        )
        if any(_may_give_room(event) for event in happened):
            self._told.set()


def _may_give_room(event: Event) -> bool:
    if event.kind == "vgpu.observed" and event.body["generation"] == 1:
        return False  # as it was made: nothing was given back
    return event.kind in _TELLING
