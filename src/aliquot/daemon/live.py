"""What the daemon knows of this moment, in memory: for metrics, the API and nobody's disk.

The sampler puts new values in place of the old ones as wholes, so that readers need no lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from aliquot.devices.listing import Entry
from aliquot.model.device_record import DeviceRecord
from aliquot.model.lease import Lease
from aliquot.model.series import Sample
from aliquot.model.telemetry import Telemetry
from aliquot.model.vgpu import VgpuUsage

KEPT_BEATS = 600  # samples of ten minutes, should the store be out of reach for so long


class LiveDevice(NamedTuple):
    """A device with its newest reading, and the metrics of the last second that were measured."""

    entry: Entry
    telemetry: Telemetry | None
    values: Mapping[str, float]
    vgpus: int


class LiveVgpu(NamedTuple):
    """A vGPU that a device host has; `values` only while it is leased.

    The sums only ever grow, also where a device host corrects what it told: times in nanoseconds.
    """

    id: str
    name: str
    tenant: str
    device: str
    usage: VgpuUsage
    values: Mapping[str, float]
    consumed_ns: int
    waited_ns: int
    copied_bytes: int
    errors: int


class Live:
    """The newest values, and the samples that aren't written yet."""

    def __init__(self) -> None:
        """Nothing is known before the sampler's first beat."""
        self.devices: Mapping[str, LiveDevice] = {}
        self.vgpus: Mapping[str, LiveVgpu] = {}
        self.kept_devices: tuple[DeviceRecord, ...] = ()  # those of this node, also lost ones
        self.leases: tuple[Lease, ...] = ()
        self.leases_begun = 0  # since the daemon began
        self.leases_released = 0
        self.vgpu_states: Mapping[str, int] = {}
        self.queue_length = 0
        self.beats = 0
        self.beaten_at = float("-inf")  # by the monotonic clock
        self.dropped_samples = 0
        self.unwritten: deque[list[Sample]] = deque()

    def keep(self, samples: list[Sample]) -> None:
        """Remember samples until they are written; the oldest go where that takes too long."""
        if samples:
            self.unwritten.append(samples)
        while len(self.unwritten) > KEPT_BEATS:
            self.dropped_samples += len(self.unwritten.popleft())

    def unwritten_of(self, kind: str, subject: str) -> list[Sample]:
        """What was measured of a subject and isn't written yet, oldest first."""
        return [
            sample
            for beat in tuple(self.unwritten)
            for sample in beat
            if sample.kind == kind and sample.subject == subject
        ]
