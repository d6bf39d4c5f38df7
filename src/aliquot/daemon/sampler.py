"""Measures devices and leased vGPUs each second, and writes that down in batches.

Of vGPUs it takes what the observer was told last, and of devices the last reading, so it asks
nobody. What isn't measured is neither kept nor written: an idle vGPU costs nothing.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from sqlalchemy import Table, func, select

from aliquot.daemon.accounts import Account, advanced, opened
from aliquot.daemon.device_values import measured
from aliquot.daemon.live import Live, LiveDevice, LiveVgpu
from aliquot.devices.listing import Entry
from aliquot.devices.readings import Sampler as Readings
from aliquot.errors import AliquotError, EventsForgotten, NoSuchVgpu
from aliquot.model.event import Event
from aliquot.model.physical_device import PhysicalDevice
from aliquot.model.series import Sample
from aliquot.model.telemetry import Telemetry
from aliquot.model.vgpu import VgpuUsage
from aliquot.store import Store, View, devices, events, leases, series, tables, vgpus
from aliquot.store.change import SYSTEM

BEAT_SECONDS = 1.0
WRITE_SECONDS = 10

_log = logging.getLogger(__name__)


class Sampler:
    """Looks once a second, from `start` until `stop`; `beat` and `write` are what it does."""

    def __init__(
        self,
        store: Store,
        live: Live,
        *,
        devices: Callable[[], Iterable[Entry]],
        read: Callable[[PhysicalDevice], Telemetry | None],
        usages: Callable[[], Mapping[str, VgpuUsage]],
        wrote: Callable[[float], None],
    ) -> None:
        """Keep in `live` what the others tell: devices, their readings, and vGPUs by their ids.

        `wrote` is told how many seconds each write took.
        """
        self._store = store
        self._live = live
        self._devices = devices
        self._readings = Readings(read, interval=BEAT_SECONDS / 2)
        self._usages = usages
        self._wrote = wrote
        self._accounts: dict[str, Account] = {}
        self._known: dict[str, tuple[str, str]] = {}  # name and tenant
        self._failures: Counter[str] = Counter()  # since this daemon began
        self._seen = -1
        self._newest = 0
        self._trouble = ""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._forget: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin to look, in a thread of its own."""
        self._forget = self._store.watch(self._told)
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, and write what is left to write."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._forget is not None:
            self._forget()
            self._forget = None

    def beat(self) -> None:
        """Look at everything once."""
        if self._newest > self._seen:
            self._refresh()
        at_ms = self._store.now_ms()
        looked = dict(self._usages())
        self._identify(looked)
        before, self._accounts = self._accounts, {}
        found: dict[str, LiveVgpu] = {}
        fresh: list[str] = []
        for vgpu, usage in looked.items():
            if vgpu not in self._known:
                continue
            last = before.get(vgpu)
            errors = self._failures[vgpu]
            account = advanced(last, usage, errors) if last else opened(usage, errors)
            self._accounts[vgpu] = account
            if account is not last:
                fresh.append(vgpu)
            in_use = bool(usage.holders or usage.guest_processes)
            found[vgpu] = LiveVgpu(
                vgpu,
                *self._known[vgpu],
                usage.device_uuid,
                usage,
                account.values if in_use else {},
                account.consumed_ns,
                account.waited_ns,
                account.copied_bytes,
                errors,
            )
        self._live.vgpus = found
        self._live.devices = self._look_at_devices(looked)
        self._live.keep(self._samples(at_ms, fresh))
        self._live.beats += 1
        self._live.beaten_at = time.monotonic()

    def write(self) -> None:
        """Write what was gathered; it is kept for the next time where that can't be."""
        beats = list(self._live.unwritten)
        if not beats:
            return
        began = time.monotonic()
        with self._store.change(SYSTEM) as change:
            series.add(change, (sample for beat in beats for sample in beat))
        for _ in beats:
            self._live.unwritten.popleft()
        self._wrote(time.monotonic() - began)

    def _run(self) -> None:
        due = time.monotonic()
        beats = 0
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            # After a long stop one beat is made, not all that were missed.
            due = max(due + BEAT_SECONDS, time.monotonic())
            beats += 1
            self._survive(self.beat)
            if beats % WRITE_SECONDS == 0:
                self._survive(self.write)
        self._survive(self.write)

    def _survive(self, step: Callable[[], None]) -> None:
        """What goes wrong is said once, and tried again at the next beat."""
        try:
            step()
            self._trouble = ""
        except AliquotError as error:
            if str(error) != self._trouble:
                _log.warning("what is measured has a gap: %s: %s", error.code, error)
            self._trouble = str(error)
        except Exception as error:
            if repr(error) != self._trouble:
                _log.exception("what is measured has a gap")
            self._trouble = repr(error)

    def _told(self, happened: Sequence[Event]) -> None:
        """Called within other threads' changes: only notes that there is news."""
        self._newest = happened[-1].sequence

    def _refresh(self) -> None:
        """What the store has told since: failures, who holds leases, how many wait."""
        with self._store.look() as view:
            newest = view.event_sequence()
            if self._seen >= 0:
                self._read_events(view)
            self._live.kept_devices = tuple(devices.listed(view, self._store.identity.node))
            self._live.leases = tuple(leases.listed(view))
            self._live.queue_length = _count(view, tables.queue)
            self._live.vgpu_states = _states(view)
        self._seen = newest

    def _read_events(self, view: View) -> None:
        seen = self._seen
        try:
            while news := events.since(view, seen):
                for event in news:
                    self._count(event)
                seen = news[-1].sequence
        except EventsForgotten:
            return

    def _count(self, event: Event) -> None:
        if event.kind == "vgpu.failed":
            self._failures[event.subject] += 1
        elif event.kind == "vgpu.deleted":
            del self._failures[event.subject]
        elif event.kind == "lease.begun":
            self._live.leases_begun += 1
        elif event.kind == "lease.released":
            self._live.leases_released += 1

    def _identify(self, looked: dict[str, VgpuUsage]) -> None:
        """Whose each vGPU is: asked of the store once for each."""
        self._known = {vgpu: who for vgpu, who in self._known.items() if vgpu in looked}
        unknown = [vgpu for vgpu in looked if vgpu not in self._known]
        if not unknown:
            return
        with self._store.look() as view:
            for vgpu in unknown:
                with contextlib.suppress(NoSuchVgpu):
                    kept = vgpus.get(view, vgpu)
                    self._known[vgpu] = (kept.name, kept.tenant)

    def _look_at_devices(self, looked: dict[str, VgpuUsage]) -> dict[str, LiveDevice]:
        present = list(self._devices())
        readings = self._readings.sample(
            {entry.device.uuid: entry.device for entry in present}.values()
        )
        had: dict[str, list[tuple[dict[str, float], int]]] = {}
        for vgpu, usage in looked.items():
            account = self._accounts.get(vgpu)
            rates = account.values if account else {}
            had.setdefault(usage.device_uuid, []).append((rates, usage.memory_used))
        found: dict[str, LiveDevice] = {}
        for entry in present:
            before = self._live.devices.get(entry.uuid)
            reading = readings.get(entry.device.uuid)
            on_it = had.get(entry.uuid, [])
            values = measured(entry, reading, before.telemetry if before else None, on_it)
            found[entry.uuid] = LiveDevice(entry, reading, values, len(on_it))
        return found

    def _samples(self, at_ms: int, fresh: list[str]) -> list[Sample]:
        """Of vGPUs those of which something new was told, so that nothing counts twice."""
        leased = [self._live.vgpus[vgpu] for vgpu in fresh]
        found = [Sample("vgpu", v.id, at_ms, dict(v.values)) for v in leased if v.values]
        found += [
            Sample("device", uuid, at_ms, dict(device.values))
            for uuid, device in self._live.devices.items()
            if device.values
        ]
        return found


def _states(view: View) -> dict[str, int]:
    states = tables.vgpus.c.state
    rows = view.connection.execute(
        select(states, func.count()).where(tables.vgpus.c.deleted_ms.is_(None)).group_by(states)
    )
    return {row[0]: row[1] for row in rows}


def _count(view: View, table: Table) -> int:
    return view.connection.execute(select(func.count()).select_from(table)).scalar_one()
