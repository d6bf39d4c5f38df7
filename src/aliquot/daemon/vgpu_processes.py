"""The processes of a vGPU and their command queues, as its device host and its worker tell them.

A worker is asked at most a few times a second, however many want to know.
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
from aliquot.model.api.processes import CommandQueueResource, ProcessResource, VgpuProcesses
from aliquot.model.details import GuestProcess
from aliquot.model.queues import QueueClaims, Readings
from aliquot.model.vgpu_record import VgpuRecord

_FRESH_SECONDS = 0.25
_MOST_KEPT = 64  # vGPUs of which is remembered what they told before


class _Told(NamedTuple):
    """What was told of a vGPU."""

    at: float  # of the monotonic clock
    at_ms: int
    guests: list[GuestProcess]
    claims: QueueClaims
    shares: dict[tuple[int, int], float]


class VgpuProcessList:
    """Asks device hosts, and remembers a little of what they said."""

    def __init__(self, core: Core) -> None:
        """Nothing was asked yet."""
        self._core = core
        self._lock = threading.Lock()
        self._readings: dict[str, Readings] = {}
        self._told: dict[str, _Told] = {}

    def of(self, caller: Caller, vgpu: str) -> VgpuProcesses:
        """Who uses a vGPU now; raises NoSuchVgpu, DeviceHostUnreachable."""
        with self._core.store.look() as view:
            kept = access.vgpu_of(view, caller, vgpu)
        told = self._recent(kept.id) or self._ask(kept)
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

    def _recent(self, vgpu: str) -> _Told | None:
        with self._lock:
            told = self._told.get(vgpu)
        fresh = told is not None and time.monotonic() - told.at < _FRESH_SECONDS
        return told if fresh else None

    def _ask(self, kept: VgpuRecord) -> _Told:
        guests, claims = self._asked(kept)
        with self._lock:
            readings = self._readings[kept.id] = self._readings.pop(kept.id, None) or Readings()
            shares = readings.add(claims)
            told = self._told[kept.id] = _Told(
                time.monotonic(), self._core.store.now_ms(), guests, claims, shares
            )
            while len(self._readings) > _MOST_KEPT:
                oldest = next(iter(self._readings))
                del self._readings[oldest], self._told[oldest]
        return told

    def _asked(self, kept: VgpuRecord) -> _Users:
        device = kept.status.device
        if not device:
            return _NOBODY
        try:
            # Apart, so that nobody else waits for a worker that is silent.
            ask = self._core.hosts.ask_apart
            return ask(device, lambda host: _users(host, kept), soon=True)
        except NotRunning:  # so it is of what is simulated, too
            return _NOBODY


_Users = tuple[list[GuestProcess], QueueClaims]
_NOBODY: _Users = ([], QueueClaims())


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
