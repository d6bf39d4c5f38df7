"""The processes of a vGPU and their command queues, as its device host and its worker tell them.

A worker is asked at most a few times a second, however many want to know: who asks meanwhile waits
for that answer.
"""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from aliquot.client.device_host import DeviceHost
from aliquot.daemon import access, processes
from aliquot.daemon.at_host import find
from aliquot.daemon.caller import Caller
from aliquot.daemon.core import Core
from aliquot.daemon.hosts import NotRunning
from aliquot.daemon.owners import user_of
from aliquot.errors import DeviceHostUnreachable, NoSuchVgpu
from aliquot.model.api.processes import CommandQueueResource, ProcessResource, VgpuProcesses
from aliquot.model.details import GuestProcess
from aliquot.model.lifecycle import VgpuState
from aliquot.model.queues import QueueClaims, QueuesAnswer, Readings
from aliquot.model.vgpu_record import VgpuRecord

_FRESH_SECONDS = 0.25
_MOST_KEPT = 64  # vGPUs of which is remembered what they told before
_KEPT_SECONDS = 60.0  # since anybody asked for it


class _Told(NamedTuple):
    """What was told of a vGPU."""

    at: float  # of the monotonic clock
    at_ms: int
    guests: list[GuestProcess]
    claims: QueueClaims
    shares: dict[tuple[int, int], float]


class _Known:
    """What is remembered of a vGPU; its lock is held while it is asked."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.wanted_at = 0.0  # of the monotonic clock
        self.readings = Readings()
        self.told: _Told | None = None


class VgpuProcessList:
    """Asks device hosts, and remembers a little of what they said."""

    def __init__(self, core: Core) -> None:
        """Nothing was asked yet."""
        self._core = core
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}  # by the vGPU, the one asked for last at the end

    def of(self, caller: Caller, vgpu: str) -> VgpuProcesses:
        """Who uses a vGPU now, as far as its device host answers; raises NoSuchVgpu."""
        with self._core.store.look() as view:
            kept = access.vgpu_of(view, caller, vgpu)
        told = self._told_of(kept)
        user = user_of(kept.tenant)
        found = [_process(caller, guest, told, user) for guest in told.guests]
        return VgpuProcesses(
            vgpu=kept.id,
            vgpu_name=kept.name,
            at_ms=told.at_ms,
            queues_told=told.claims.answer.word,
            queues_left_out=told.claims.left_out,
            processes=sorted(found, key=lambda process: process.connection),
        )

    def _told_of(self, kept: VgpuRecord) -> _Told:
        known = self._known_of(kept)
        with known.lock:
            if known.told is None or time.monotonic() - known.told.at >= _FRESH_SECONDS:
                guests, claims = self._asked(kept)
                known.told = _Told(
                    time.monotonic(),
                    self._core.store.now_ms(),
                    guests,
                    claims,
                    known.readings.add(claims),
                )
            return known.told

    def _known_of(self, kept: VgpuRecord) -> _Known:
        """What is remembered of it; of what is gone, and what nobody asks for, that is nothing."""
        now = time.monotonic()
        with self._lock:
            known = self._known.pop(kept.id, None) or _Known()
            if kept.state is VgpuState.DELETED:
                return _Known()
            known.wanted_at = now
            for other, old in list(self._known.items()):
                if len(self._known) < _MOST_KEPT and now - old.wanted_at < _KEPT_SECONDS:
                    break
                del self._known[other]
            self._known[kept.id] = known
        return known

    def _asked(self, kept: VgpuRecord) -> _Users:
        device = kept.status.device
        if not device or kept.state is VgpuState.DELETED:
            return _NOBODY
        try:
            # Apart, so that nobody else waits for a worker that is silent.
            return self._core.hosts.ask_apart(device, lambda host: _users(host, kept), soon=True)
        except (NotRunning, NoSuchVgpu):  # also of what is simulated, or leaves at this moment
            return _NOBODY
        except DeviceHostUnreachable:
            return _UNTOLD


_Users = tuple[list[GuestProcess], QueueClaims]
_NOBODY: _Users = ([], QueueClaims())
_UNTOLD: _Users = ([], QueueClaims(answer=QueuesAnswer.SILENT))


def _users(host: DeviceHost, kept: VgpuRecord) -> _Users:
    usage = find(host, kept)
    if usage is None:
        return _NOBODY
    return host.show_vgpu(usage.id).processes, host.queues(usage.id)


def _process(caller: Caller, guest: GuestProcess, told: _Told, user: int | None) -> ProcessResource:
    """As its tenant, which is this user, may know it."""
    known = processes.look_up(guest.process_id)
    # Root may use anybody's vGPU, and whoever else does is not the tenant's to know. One that is no
    # user has its vGPUs of the daemon's own, whose processes aren't the tenant's either.
    may_know = caller.is_admin or (known is not None and known.user_id == user)
    queues = [
        CommandQueueResource(
            number=queue.number,
            in_order=queue.in_order,
            outstanding=queue.outstanding,
            completed=queue.completed,
            device_ns=queue.device_ns,
            oldest_ns=queue.oldest_ns,
            share=round(told.shares.get((queue.connection, queue.number), 0.0), 3),
        )
        for queue in told.claims.queues
        if queue.connection == guest.connection
    ]
    return ProcessResource(
        connection=guest.connection,
        process_id=guest.process_id if may_know else 0,
        name=known.name if known is not None and may_know else "",
        memory_lent=guest.memory_lent,
        memory_used=guest.memory_used,
        share=round(sum(queue.share for queue in queues), 3),
        queues=queues,
        queues_left_out=told.claims.left_out_of.get(guest.connection, 0),
    )
