"""The parts of the fake service that always tell the same: devices, queue, receipts, VMs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from aliquot.daemon.caller import Caller
from aliquot.daemon.own_metrics import OwnMetrics
from aliquot.errors import (
    NoSuchEntry,
    NotAttached,
    NotForVms,
    UnknownDevice,
)
from aliquot.model.api.devices import (
    DevicePage,
    DeviceResource,
    PolicyResource,
    PriorityMixWanted,
    PriorityPair,
    SeriesResource,
    TurnsResource,
)
from aliquot.model.api.leases import ReceiptPage, RunningReceipt
from aliquot.model.api.processes import VgpuProcesses
from aliquot.model.api.vgpus import (
    QueuePage,
    VgpuResource,
)
from aliquot.model.api.vms import AttachedResource, AttachWanted, VmTold, VmVgpus
from aliquot.model.receipt import Receipt
from aliquot.model.shares import Shares
from tests.fakes.scenes import processes

if TYPE_CHECKING:
    from tests.fakes.service import FakeService

NODE = "here"
DEVICE = "11111111-2222-3333-4444-555555555555"
MEMORY = 8 << 30


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class FakeDevices:
    """One device."""

    def __init__(self) -> None:
        """Of no particular kind."""
        self._policy = PolicyResource()
        self._mix: dict[PriorityPair, int] = {}

    def list(self, caller: Caller) -> DevicePage:
        """The one."""
        return DevicePage(items=[self.show(caller, "0")], sequence=0)

    def show(self, caller: Caller, device: str) -> DeviceResource:
        """By index or UUID."""
        if device not in ("0", DEVICE):
            raise UnknownDevice(f"there is no device {device[:40]!r} here")
        return DeviceResource(
            uuid=DEVICE,
            index=0,
            node=NODE,
            name="A device",
            kind="software",
            present=True,
            simulated=False,
            remotable=True,
            memory=MEMORY,
            reserved_memory=0,
            free_memory=MEMORY,
            reserved_compute=0.0,
            vgpus=0,
            policy=self._policy,
            telemetry={},
            facts={},
            seen_ms=now_ms(),
            priority_mix=self._mix,
        )

    def set_priority_mix(
        self, caller: Caller, device: str, wanted: PriorityMixWanted
    ) -> DeviceResource:
        """Kept."""
        self.show(caller, device)
        self._mix = wanted.mix
        return self.show(caller, device)

    def set_policy(self, caller: Caller, device: str, policy: PolicyResource) -> DeviceResource:
        """Kept."""
        self.show(caller, device)
        self._policy = PolicyResource(**msgspec.structs.asdict(policy))
        return self.show(caller, device)

    def series(
        self,
        caller: Caller,
        device: str,
        *,
        step_seconds: int,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> SeriesResource:
        """Nothing was measured."""
        subject = self.show(caller, device).uuid
        return SeriesResource(subject=subject, step_seconds=step_seconds, points=[])

    def turns(self, caller: Caller, device: str, since_ns: int = 0) -> TurnsResource:
        """Nobody had a turn."""
        device = self.show(caller, device).uuid
        return TurnsResource(device=device, now_ns=time.monotonic_ns(), now_ms=now_ms(), turns=[])


class FakeQueue:
    """Nobody waits."""

    def list(self, caller: Caller) -> QueuePage:
        """Nobody."""
        return QueuePage(items=[])

    def leave(self, caller: Caller, vgpu: str) -> VgpuResource:
        """Nobody can."""
        raise NoSuchEntry("it does not wait")


class FakeProcesses:
    """Of each vGPU one process, with two queues."""

    def __init__(self, service: FakeService) -> None:
        """Of vGPUs that there are."""
        self._service = service

    def of(self, caller: Caller, vgpu: str) -> VgpuProcesses:
        """Always the same."""
        return processes(self._service.vgpus.show(caller, vgpu))


class FakeReceipts:
    """No receipts, and of each vGPU the same of now."""

    def __init__(self, service: FakeService) -> None:
        """Of vGPUs that there are."""
        self._service = service

    def list(
        self,
        caller: Caller,
        *,
        vgpu: str | None = None,
        lease: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> ReceiptPage:
        """None."""
        if vgpu:
            self._service.vgpus.show(caller, vgpu)
        return ReceiptPage(items=[])

    def now(self, caller: Caller, vgpu: str) -> RunningReceipt:
        """Of ten seconds four were its own work, in six it waited for others."""
        found = self._service.vgpus.show(caller, vgpu)
        second = 1_000_000_000
        told = Receipt(
            at_ns=20 * second,
            alive_ns=10 * second,
            covered_ns=10 * second,
            kernels_ns=4 * second,
            others_ns=6 * second,
            processes=1,
        )
        return RunningReceipt(
            vgpu=found.id,
            vgpu_name=found.name,
            promise={"memory": found.memory, **Shares(2500).as_dict()},
            received=told._asdict(),
        )


class FakeMetrics:
    """One metric, and where the API says how it fares."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self.own = OwnMetrics()

    def text(self, caller: Caller) -> bytes:
        """As Prometheus reads it."""
        return f'# TYPE aliquot_up gauge\naliquot_up{{for="{caller.tenant}"}} 1\n'.encode()


class FakeVms:
    """No VM runs, and no vGPU is one that a VM could have."""

    def __init__(self, service: FakeService) -> None:
        """Of this service's vGPUs."""
        self._service = service

    def attach(self, caller: Caller, vgpu: str, wanted: AttachWanted) -> AttachedResource:
        """They are all software's."""
        found = self._service.vgpus.show(caller, vgpu)
        raise NotForVms(f"vGPU {found.name} is of the mode {found.mode}")

    def detach(self, caller: Caller, vgpu: str) -> VgpuResource:
        """None is attached."""
        found = self._service.vgpus.show(caller, vgpu)
        raise NotAttached(f"vGPU {found.name} is attached to no VM")

    def started(self, caller: Caller, told: VmTold) -> VmVgpus:
        """It has no vGPUs."""
        return VmVgpus(vgpus=[])

    def stopped(self, caller: Caller, told: VmTold) -> VmVgpus:
        """It had no vGPUs."""
        return VmVgpus(vgpus=[])
