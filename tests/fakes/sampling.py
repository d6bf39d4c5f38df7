"""A sampler on a new state, whose clock, devices and device hosts a test moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aliquot.daemon import series
from aliquot.daemon.live import Live
from aliquot.daemon.metrics import Metrics
from aliquot.daemon.sampler import Sampler
from aliquot.model.device_record import DeviceRecord
from aliquot.model.lifecycle import VgpuState
from aliquot.model.physical_device import PhysicalDevice
from aliquot.model.telemetry import Telemetry
from aliquot.model.vgpu import VgpuUsage
from aliquot.model.vgpu_record import VgpuRecord, VgpuSpec, VgpuStatus
from aliquot.store import Location, Store, devices, lifecycle, vgpus
from tests.fakes.looks import DEVICE, device

START_MS = 1_800_000_000_000


class Bench:
    """A sampler on a new state, whose clock and device hosts the test moves."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self.now = START_MS
        self.store = Store.open(Location(str(folder)), "n", clock=lambda: self.now)
        with self.store.change("test") as change:
            devices.put(change, DeviceRecord(uuid=DEVICE, node="n", name="CPU", memory=8 << 30))
        self.devices = [device()]
        self.readings: dict[str, Telemetry] = {}
        self.usages: dict[str, VgpuUsage] = {}
        self.written: list[float] = []
        self.live = Live()
        self.sampler = Sampler(
            self.store,
            self.live,
            devices=lambda: self.devices,
            read=self.read,
            usages=lambda: self.usages,
            wrote=self.written.append,
        )
        self.metrics = Metrics(self.store, self.live)
        self.store.watch(self.sampler._told)
        # Readings are of each beat, however fast the test is.
        self.sampler._readings._interval = 0

    def read(self, asked: PhysicalDevice) -> Telemetry | None:
        return self.readings.get(asked.uuid)

    def create(self, name: str = "one", **spec: Any) -> VgpuRecord:
        with self.store.change("test") as change:
            made = vgpus.create(
                change, name, "alice", VgpuSpec(memory=1 << 20, **spec), device=DEVICE
            )
            status = VgpuStatus(observed_generation=1, device=DEVICE)
            lifecycle.observe(change, made.id, status)
            return lifecycle.transition(change, made.id, VgpuState.READY)

    def beat(self, **now: VgpuUsage) -> None:
        """A second passes, after which the observer has been told this, by the vGPU's id."""
        self.now += 1000
        self.usages = now
        self.sampler.beat()

    def points(self, kind: str, subject: str, step: int = 1) -> list[dict[str, float]]:
        found = series.of_subject(
            self.store, self.live, kind, subject, step_seconds=step, since_ms=0
        )
        return [
            {name: mean for name, (mean, _, _) in point.values.items()} for point in found.points
        ]
