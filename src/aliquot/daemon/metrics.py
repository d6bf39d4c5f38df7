"""The metrics that Prometheus reads: of devices, vGPUs, leases, and of the daemon itself.

A scrape reads what the daemon has in memory, and asks neither the store nor a device host. Whoever
reads them sees what the API would show them: an administrator all, others the devices and what is
their own; the daemon's health is for administrators. docs/monitoring.md lists them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric

from aliquot.daemon.caller import Caller
from aliquot.daemon.live import Live
from aliquot.daemon.metric_families import DEVICE_GAUGES, Device, Family, labels_of_device
from aliquot.daemon.own_metrics import OwnMetrics
from aliquot.model.lease import Lease
from aliquot.store import Store

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Series are bounded, whatever tenants do: of what is more, only how many there are is told.
MOST_VGPUS = 2000
MOST_LEASES = 2000


class Metrics:
    """The exposition. `own` is where the rest of the daemon says how it fares."""

    def __init__(self, store: Store, live: Live) -> None:
        """Tell of what `live` knows."""
        self.own = OwnMetrics()
        self._store = store
        self._live = live

    def text(self, caller: Caller) -> bytes:
        """All that this caller may see, in Prometheus' text format 0.0.4."""
        told = generate_latest(_Collected(self._families(caller)))
        if caller.is_admin:
            told += generate_latest(_Collected(_without_created(self.own.registry.collect())))
        return told

    def _families(self, caller: Caller) -> Iterator[Metric]:
        yield self.own.build_info()
        devices = self._devices()
        yield from _of_devices(devices)
        yield from self._vgpus(caller, devices)
        yield from self._leases([one for one in self._live.leases if caller.may_see(one.tenant)])
        if caller.is_admin:
            yield from self._node()

    def _devices(self) -> dict[str, Device]:
        live = self._live
        kept = {record.uuid: record for record in live.kept_devices}
        return {
            uuid: Device(uuid, kept.get(uuid), live.devices.get(uuid))
            for uuid in dict.fromkeys((*kept, *live.devices))
        }

    def _vgpus(self, caller: Caller, devices: dict[str, Device]) -> Iterator[Metric]:
        own = [vgpu for vgpu in self._live.vgpus.values() if caller.may_see(vgpu.tenant)]
        labels = ("vgpu", "name", "tenant", "device", "uuid")
        granted = Family(
            "aliquot_vgpu_granted_ratio", "Share of the device's time that is guaranteed.", labels
        )
        limit = Family(
            "aliquot_vgpu_limit_ratio", "Share of the device's time that is never exceeded.", labels
        )
        consumed = Family(
            "aliquot_vgpu_consumed_seconds_total", "Time in which it had the device.", labels
        )
        waiting = Family(
            "aliquot_vgpu_waiting_seconds_total", "Time in which it waited for the device.", labels
        )
        used = Family("aliquot_vgpu_memory_used_bytes", "Device memory in use.", labels)
        quota = Family("aliquot_vgpu_memory_limit_bytes", "Quota of device memory.", labels)
        copied = Family(
            "aliquot_vgpu_copied_bytes_total", "Bytes copied to and from the device.", labels
        )
        kernels = Family("aliquot_vgpu_kernels_total", "Kernels that were launched.", labels)
        errors = Family("aliquot_vgpu_errors_total", "How often it has failed.", labels)
        processes = Family("aliquot_vgpu_guest_processes", "Guest processes connected.", labels)
        for vgpu in own[:MOST_VGPUS]:
            usage, shares = vgpu.usage, vgpu.usage.turns.shares
            who = (vgpu.id, vgpu.name, vgpu.tenant, *labels_of_device(devices, vgpu.device))
            granted.add(who, shares.guarantee / 10_000)
            limit.add(who, shares.limit / 10_000)
            consumed.add(who, vgpu.consumed_ns / 1e9)
            waiting.add(who, vgpu.waited_ns / 1e9)
            used.add(who, usage.memory_used)
            quota.add(who, usage.memory_limit)
            copied.add(who, vgpu.copied_bytes)
            kernels.add(who, usage.kernels)
            errors.add(who, vgpu.errors)
            processes.add(who, usage.guest_processes)
        for family in (
            granted, limit, consumed, waiting, used, quota, copied, kernels, errors, processes
        ):  # fmt: skip
            yield family.metric

    def _leases(self, own: list[Lease]) -> Iterator[Metric]:
        kinds = Family("aliquot_lease_in_force", "Leases in force.", ("kind", "confinement"))
        count: dict[tuple[str, str], int] = {}
        for lease in own:
            what = (lease.kind.value, lease.word)
            count[what] = count.get(what, 0) + 1
        for what, number in sorted(count.items()):
            kinds.add(what, number)
        yield kinds.metric
        start = Family(
            "aliquot_lease_start_time_seconds",
            "When a lease in force began, in seconds since 1970.",
            ("lease", "vgpu", "tenant", "kind", "confinement"),
        )
        for lease in own[:MOST_LEASES]:
            who = (lease.id, lease.vgpu, lease.tenant, lease.kind.value, lease.word)
            start.add(who, lease.since_ms / 1000)
        yield start.metric

    def _node(self) -> Iterator[Metric]:
        live = self._live
        begun = Family("aliquot_lease_begun_total", "Leases begun since the daemon began.")
        begun.add((), live.leases_begun)
        yield begun.metric
        released = Family("aliquot_lease_released_total", "Leases ended since the daemon began.")
        released.add((), live.leases_released)
        yield released.metric
        states = Family("aliquot_daemon_vgpus", "vGPUs that are kept, by their state.", ("state",))
        for state, number in sorted(live.vgpu_states.items()):
            states.add((state,), number)
        yield states.metric
        queue = Family("aliquot_daemon_queue_length", "vGPUs that wait for a place.")
        queue.add((), live.queue_length)
        yield queue.metric
        dropped = Family(
            "aliquot_daemon_samples_dropped_total", "Samples that could not be written in time."
        )
        dropped.add((), live.dropped_samples)
        yield dropped.metric
        left_out = Family("aliquot_daemon_vgpus_left_out", "vGPUs of which no metrics are told.")
        left_out.add((), max(0, len(live.vgpus) - MOST_VGPUS))
        yield left_out.metric
        size = self._store_bytes()
        if size is not None:
            stored = Family("aliquot_daemon_store_size_bytes", "Size of the state's database.")
            stored.add((), size)
            yield stored.metric

    def _store_bytes(self) -> int | None:
        """With the write-ahead log; None for a database elsewhere."""
        if self._store.location.url is not None:
            return None
        path = self._store.location.database
        found = [name for name in (path, f"{path}-wal") if os.path.exists(name)]
        try:
            return sum(os.stat(name).st_size for name in found)
        except OSError:  # gone in between
            return None


class _Collected:
    """What generate_latest wants of a registry."""

    def __init__(self, families: Iterator[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """The families, once."""
        return self._families


def _without_created(families: Iterable[Metric]) -> Iterator[Metric]:
    """Without the times at which counters were made: a series more for each, and no use."""
    for family in families:
        family.samples = [one for one in family.samples if not one.name.endswith("_created")]
        yield family


def _of_devices(devices: dict[str, Device]) -> Iterator[Metric]:
    labels = ("device", "uuid")
    info = Family(
        "aliquot_device_info",
        "What a device is; always 1.",
        (*labels, "name", "kind", "vendor", "node", "simulated"),
    )
    families = [info]
    for device in devices.values():
        simulated = "true" if device.simulated else "false"
        info.add(
            (*device.labels, device.name, device.kind, device.vendor, device.node, simulated), 1
        )
    for name, text, value in DEVICE_GAUGES:
        families.append(Family(name, text, labels))
        for device in devices.values():
            if (number := value(device)) is not None:
                families[-1].add(device.labels, number)
    errors = Family(
        "aliquot_device_errors_total", "Memory errors that the driver counts.", (*labels, "kind")
    )
    for device in devices.values():
        for kind, number in device.errors():
            errors.add((*device.labels, kind), number)
    families.append(errors)
    for family in families:
        yield family.metric
