"""Device hosts of which nothing is real: what they hold survives their connections, as theirs does.

For the daemon's logic; what real device hosts do is tested with real ones.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any

from aliquot.client.records import VgpuFlag
from aliquot.daemon.hosts import Hosts
from aliquot.devices.source import Listing, Sighting
from aliquot.errors import (
    AliquotError,
    DeviceHostUnreachable,
    MemoryInUse,
    MemoryUnavailable,
    NameTaken,
    NoSuchLease,
    NoSuchVgpu,
    ShareUnavailable,
    Suspended,
    VgpuDiffers,
)
from aliquot.model.copies import Copies
from aliquot.model.details import GuestProcess
from aliquot.model.device import Device
from aliquot.model.physical_device import PhysicalDevice
from aliquot.model.queues import QueueClaims
from aliquot.model.receipt import Receipt
from aliquot.model.shares import WHOLE, Policy, Shares, Turns
from aliquot.model.telemetry import Telemetry
from aliquot.model.turn import Turn
from aliquot.model.vgpu import Holder, Lease, Vgpu, VgpuState, VgpuUsage

GIB = 1 << 30


def device(uuid: str, memory: int = 8 * GIB, kind: str = "gpu", name: str = "GPU") -> Device:
    """A device as an OpenCL driver would offer it."""
    return Device(
        uuid=uuid,
        name=f"{name} {uuid[:4]}",
        types=[] if kind == "software" else [kind],
        vendor="Maker",
        version="OpenCL 3.0",
        driver_version="1",
        platform="Maker's OpenCL",
        platform_version="OpenCL 3.0",
        library="/nowhere/libdriver.so",
        platform_index=0,
        device_index=0,
        compute_units=4,
        clock_mhz=1000,
        global_memory=memory,
        max_allocation=memory,
        unified_memory=False,
        extensions=[],
    )


class FakeOpencl:
    """The source of these devices; the list may be changed."""

    name = "opencl"

    def __init__(self, devices: list[Device]) -> None:
        self.devices = devices

    def list_devices(self) -> Listing:
        return Listing(
            [
                Sighting(
                    source=self.name,
                    pci_address=found.pci_address,
                    vendor_uuid=found.uuid,
                    name=found.name,
                    kind=found.kind,
                    vendor="Maker",
                    memory=found.global_memory,
                    offers=(found,),
                )
                for found in self.devices
            ]
        )

    def telemetry(self, device: PhysicalDevice) -> Telemetry | None:
        return None


class FakeHost:
    """A device host of one device; `fail` raises before what is asked next, by the method's name.

    While `answers` is not set it doesn't answer, as one that is stopped.
    `after` is called behind each method that changes something, before its answer is given.
    """

    def __init__(self, of: Device) -> None:
        self.device = of
        self.vgpus: dict[int, VgpuUsage] = {}
        self.suspended: set[int] = set()  # by external id
        self.numbers = itertools.count(1)
        self.leases = itertools.count(1)
        self.fail: dict[str, AliquotError] = {}
        self.answers = threading.Event()
        self.answers.set()
        self.after: Callable[[str], None] = lambda _: None
        self.running = False
        self.connections: set[object] = set()
        self.policy_set: Policy | None = None
        self.owners: dict[int, int | None] = {}
        self.asked: list[str] = []
        self.spent: dict[int, Receipt] = {}  # by number
        self.processes: dict[int, list[GuestProcess]] = {}
        self.claims: dict[int, QueueClaims] = {}

    def die(self) -> None:
        """It and its supervisor are killed: nothing is left."""
        self.vgpus.clear()
        self.suspended.clear()
        self.running = False
        self.numbers, self.leases = itertools.count(1), itertools.count(1)

    def use(self, external_id: int, memory: int) -> None:
        """A program of the vGPU has so much memory in use."""
        usage = self._lasting(external_id)
        self.vgpus[usage.id] = usage._replace(memory_used=memory)

    def create_vgpu(
        self,
        name: str,
        memory: int = 0,
        *,
        flags: int = 0,
        kernel_limit_ms: int = 2000,
        device_type: int = 0,
        shares: Shares = Shares(),  # noqa: B008
        copy_limit: int = 0,
        external_id: int = 0,
        owner_uid: int | None = None,
        reports: Sequence[bytes] = (),
    ) -> Vgpu:
        self._ask("create_vgpu")
        found = self._found(external_id) if external_id else None
        if found is not None:
            had = (found.name, found.memory_limit, found.turns.shares, found.copies.limit)
            if had != (name, memory or found.memory_limit, shares, copy_limit):
                raise VgpuDiffers("it is otherwise")
            return self._told(found)
        if any(usage.name == name for usage in self.vgpus.values()):
            raise NameTaken("another has this name")
        self._must_have_room(memory, shares.guarantee)
        memory = memory or self._free()
        usage = VgpuUsage(
            id=next(self.numbers),
            name=name,
            device_uuid=self.device.uuid,
            memory_limit=memory,
            memory_lent=0,
            memory_used=0,
            witnessed_memory=0,
            worker_cpu_ns=0,
            kernels=0,
            copied_bytes=0,
            guest_processes=0,
            worker_process_id=0,
            owner_uid=owner_uid or 0,
            protections=0,
            flags=flags
            | (VgpuFlag.LASTING if external_id else 0)
            | (VgpuFlag.MOVABLE if reports else 0),
            kernel_limit_ms=kernel_limit_ms,
            turns=Turns(shares),
            copies=Copies(copy_limit),
            external_id=external_id,
        )
        self.vgpus[usage.id] = usage
        self.after("create_vgpu")
        return self._told(usage)

    def destroy_vgpu(self, vgpu: int) -> None:
        self._ask("destroy_vgpu")
        if self.vgpus.pop(vgpu, None) is None:
            raise NoSuchVgpu("there is none")
        self.after("destroy_vgpu")

    def destroy_lasting_vgpu(self, external_id: int) -> None:
        self._ask("destroy_lasting_vgpu")
        del self.vgpus[self._lasting(external_id).id]
        self.after("destroy_lasting_vgpu")

    def resize_vgpu(
        self, vgpu: int, shares: Shares, copy_limit: int = 0, *, memory: int = 0
    ) -> None:
        self._ask("resize_vgpu")
        usage = self._numbered(vgpu)
        memory = memory or usage.memory_limit
        self._must_have_room(
            memory - usage.memory_limit, shares.guarantee - usage.turns.shares.guarantee
        )
        if memory < usage.memory_used and usage.external_id not in self.suspended:
            raise MemoryInUse(f"{usage.memory_used} bytes are in use")
        self.vgpus[vgpu] = usage._replace(
            memory_limit=memory, turns=Turns(shares), copies=Copies(copy_limit)
        )
        self.after("resize_vgpu")

    def take_lease(self, vgpu: int = 0, *, external_id: int = 0, process_id: int = 0) -> Lease:
        self._ask("take_lease")
        usage = self._lasting(external_id) if external_id else self._numbered(vgpu)
        number = next(self.leases)
        held = Holder(number, process_id, True, 0)
        usage = usage._replace(
            holders=(*usage.holders, held), worker_process_id=1, state=VgpuState.READY
        )
        self.vgpus[usage.id] = usage
        self.after("take_lease")
        return Lease(usage.id, number, usage.memory_limit, f"/run/v{usage.id}.sock", 0, 1)

    def spend(self, external_id: int, seconds: int) -> None:
        """Programs of the vGPU live for so long, have the device for half of it, and wait."""
        usage = self._lasting(external_id)
        had = self.spent.get(usage.id, Receipt())
        more = seconds * 1_000_000_000
        self.spent[usage.id] = had._replace(
            alive_ns=had.alive_ns + more,
            covered_ns=had.covered_ns + more,
            kernels_ns=had.kernels_ns + more // 2,
            held_ns=had.held_ns + more // 2,
            turns=had.turns + 100 * seconds,
            processes=had.processes + 1,
        )
        turns = usage.turns._replace(
            held_ns=usage.turns.held_ns + more // 2,
            waited_ns=usage.turns.waited_ns + more // 4,
            at_ns=usage.turns.at_ns + more,
        )
        self.vgpus[usage.id] = usage._replace(turns=turns)

    def turns(self, since_ns: int = 0) -> list[Turn]:
        """Each second that was spent, as a turn of half of it."""
        self._ask("turns")
        second = 1_000_000_000
        found = [
            Turn(number, n * second, n * second + second // 2, second // 2)
            for number, spent in self.spent.items()
            for n in range(spent.held_ns * 2 // second)
        ]
        return [turn for turn in found if turn.end_ns > since_ns]

    def receipt(self, vgpu: int) -> Receipt:
        self._ask("receipt")
        return self.spent.get(self._numbered(vgpu).id, Receipt())

    def end_lease(self, vgpu: int, lease: int) -> None:
        self._ask("end_lease")
        usage = self._numbered(vgpu)
        left = tuple(holder for holder in usage.holders if holder.lease != lease)
        if left == usage.holders:
            raise NoSuchLease("it has ended")
        self.vgpus[vgpu] = usage._replace(holders=left)
        self.after("end_lease")

    def suspend_vgpu(self, external_id: int) -> None:
        self._ask("suspend_vgpu")
        usage = self._lasting(external_id)
        self.suspended.add(external_id)
        self.vgpus[usage.id] = usage._replace(state=VgpuState.SUSPENDED, worker_process_id=0)
        self.after("suspend_vgpu")

    def resume_vgpu(self, external_id: int) -> None:
        self._ask("resume_vgpu")
        usage = self._lasting(external_id)
        self.suspended.discard(external_id)
        state = VgpuState.READY if usage.holders else VgpuState.RESERVED
        self.vgpus[usage.id] = usage._replace(
            state=state, worker_process_id=int(bool(usage.holders))
        )
        self.after("resume_vgpu")

    def move_vgpu(self, external_id: int, target: Any) -> None:
        self._ask("move_vgpu")
        usage = self._lasting(external_id)
        if external_id in self.suspended:
            raise Suspended("it is suspended")
        other: FakeHost = target.host
        other._must_have_room(usage.memory_limit, usage.turns.shares.guarantee)
        number = next(other.numbers)
        other.vgpus[number] = usage._replace(id=number, device_uuid=other.device.uuid)
        del self.vgpus[usage.id]
        self.after("move_vgpu")

    def list_vgpus(self) -> list[VgpuUsage]:
        self._ask("list_vgpus")
        return list(self.vgpus.values())

    def show_vgpu(self, vgpu: int) -> Any:
        self._ask("show_vgpu")
        from aliquot.model.details import VgpuDetails

        return VgpuDetails(self._numbered(vgpu), [], list(self.processes.get(vgpu, ())))

    def queues(self, vgpu: int) -> QueueClaims:
        self._ask("queues")
        self._numbered(vgpu)
        return self.claims.get(vgpu, QueueClaims())

    def set_policy(self, policy: Policy) -> Policy:
        self._ask("set_policy")
        self.policy_set = policy
        return policy

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        self.answers.wait()
        if not self.running:
            raise DeviceHostUnreachable("the device host hung up")
        if (error := self.fail.get(what)) is not None:
            raise error

    def _found(self, external_id: int) -> VgpuUsage | None:
        return next((u for u in self.vgpus.values() if u.external_id == external_id), None)

    def _lasting(self, external_id: int) -> VgpuUsage:
        found = self._found(external_id)
        if found is None:
            raise NoSuchVgpu("no vGPU has this id")
        return found

    def _numbered(self, vgpu: int) -> VgpuUsage:
        if vgpu not in self.vgpus:
            raise NoSuchVgpu("no vGPU has this number")
        return self.vgpus[vgpu]

    def _free(self) -> int:
        return self.device.global_memory - sum(u.memory_limit for u in self.vgpus.values())

    def _must_have_room(self, memory: int, guarantee: int) -> None:
        if memory > self._free():
            raise MemoryUnavailable(f"{self._free()} bytes are left")
        if guarantee + sum(u.turns.shares.guarantee for u in self.vgpus.values()) > WHOLE:
            raise ShareUnavailable("more is promised")

    def _told(self, usage: VgpuUsage) -> Vgpu:
        return Vgpu(
            id=usage.id,
            name=usage.name,
            device_uuid=usage.device_uuid,
            memory=usage.memory_limit,
            socket_path=f"/run/v{usage.id}.sock",
            protections=0,
            worker_process_id=usage.worker_process_id,
            shares=usage.turns.shares,
            copy_limit=usage.copies.limit,
        )


class _Connection:
    """A connection to a device host, that ends with it.

    Without any, and without vGPUs, a device host ends; a real one a second later.
    """

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.closed = False
        host.connections.add(self)

    def close(self) -> None:
        self.closed = True
        self.host.connections.discard(self)
        if not self.host.connections and not self.host.vgpus:
            self.host.running = False

    def __getattr__(self, name: str) -> Any:
        assert not self.closed, "a closed connection was used"
        return getattr(self.host, name)


class FakeMachine:
    """Devices and their device hosts."""

    def __init__(self, *devices: Device) -> None:
        self.opencl = FakeOpencl(list(devices))
        self.by_uuid = {found.uuid: FakeHost(found) for found in devices}

    def hosts(self) -> Hosts:
        """Connections to them, as a daemon has them."""
        return Hosts(self._start, self._join, self._running, lambda of: of.uuid.encode())

    def add(self, device: Device) -> None:
        """Another device, which OpenCL's driver offers from now on."""
        self.opencl.devices.append(device)
        self.by_uuid[device.uuid] = FakeHost(device)

    def usages(self) -> list[VgpuUsage]:
        """All vGPUs of all device hosts."""
        return [usage for host in self.by_uuid.values() for usage in host.vgpus.values()]

    def _start(self, wanted: Device) -> Any:
        # A partition is offered by no driver before its vGPU names it.
        host = self.by_uuid.setdefault(wanted.uuid, FakeHost(wanted))
        if (error := host.fail.get("start")) is not None:
            raise error
        if not host.running:
            host.device, host.running = wanted, True  # as it is offered by now
        return _Connection(host)

    def _join(self, uuid: str, _patience: float) -> Any:
        host = self.by_uuid.get(uuid)
        return _Connection(host) if host is not None and host.running else None

    def _running(self) -> list[str]:
        return [uuid for uuid, host in self.by_uuid.items() if host.running]
