"""What one asks of a device host: vGPUs and the policy by which they share its device."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import sys
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from aliquot import runtime_directory
from aliquot.client import policies, records, start
from aliquot.client.connection import Connection, Silent
from aliquot.client.readings import kernel_of, policy_of, usage_of, with_more
from aliquot.client.records import Kind, Record
from aliquot.errors import BadRecord, DeviceHostError, DeviceHostUnreachable, MemoryUnavailable
from aliquot.model.details import GuestProcess, UnsplitKernel, VgpuDetails
from aliquot.model.device import Device
from aliquot.model.queues import CommandQueue, QueueClaims, QueuesAnswer
from aliquot.model.shares import Policy, Shares
from aliquot.model.turn import Turn
from aliquot.model.vgpu import Lease, Vgpu, VgpuUsage

if TYPE_CHECKING:
    from aliquot.client.pages import MappedPage
    from aliquot.model.receipt import Receipt

_ATTEMPTS = 5
_GREETING_SECONDS = 5.0  # there is nothing to be done for it
_MOVE_SECONDS = 300.0  # for a worker to start, programs to be built, and all memory to be copied
_OF_A_VGPU = (Kind.VGPU_STATUS, Kind.VGPU_TURNS, Kind.VGPU_COPIES, Kind.VGPU_LEASE)
_LOW_BITS = (1 << 64) - 1


class Welcome(NamedTuple):
    """What a device host says of itself. Memory is in bytes."""

    device_memory: int
    reserved_memory: int
    process_id: int
    vgpu_count: int
    device_uuid: str
    program_version: str
    open_descriptors: int


class DeviceHost:
    """A device host, greeted. A context manager: leaving closes the connection.

    A vGPU created here lives until the connection is closed and no guest process or lease of a
    process uses it; one with an external id until it is destroyed.
    """

    def __init__(self, connection: Connection) -> None:
        """Greet over a fresh connection; raises VersionMismatch among other DeviceHostErrors."""
        self._connection = connection
        with connection.patient(min(_GREETING_SECONDS, connection.patience)):
            self.welcome = _greet(connection)

    @classmethod
    def start_or_join(cls, device: Device) -> DeviceHost:
        """The host of a device, started where none runs."""
        last: DeviceHostUnreachable | None = None
        unset = False  # one was started that may not know of the policy yet
        # One that we just joined may end at this very moment, for want of vGPUs.
        for _ in range(_ATTEMPTS):
            connection, started = start.connect(device)
            unset = unset or started
            try:
                host = cls(connection)
                policy = policies.remembered(device.uuid) if unset else None
                if policy is not None:
                    host.set_policy(policy)
                return host
            except DeviceHostError as error:
                connection.close()
                if isinstance(error, Silent) or not isinstance(error, DeviceHostUnreachable):
                    raise
                last = error
        raise last or DeviceHostUnreachable("the device host ends as soon as it starts")

    @classmethod
    def join(cls, socket_path: str) -> DeviceHost | None:
        """The host that listens on a control socket, or None where nobody does."""
        try:
            connection = Connection.open(socket_path)
        except OSError:
            return None
        try:
            return cls(connection)
        except DeviceHostUnreachable:
            connection.close()
            return None
        except DeviceHostError:
            connection.close()
            raise

    def create_vgpu(
        self,
        name: str,
        memory: int = 0,
        *,
        flags: int = 0,
        kernel_limit_ms: int = 2000,
        device_type: int = 0,
        shares: Shares = Shares(),  # noqa: B008 - a constant
        copy_limit: int = 0,
        external_id: int = 0,
        owner_uid: int | None = None,
        reports: Sequence[bytes] = (),
    ) -> Vgpu:
        """Create a vGPU; `memory` in bytes, 0 for all that is unreserved; `flags` are VgpuFlag.

        With `external_id`, 128 bits and not 0, it lasts: it stays when this connection closes, and
        its worker starts with the first lease. Created again, it is the one that exists; raises
        VgpuDiffers where that isn't as it is wanted now.

        It belongs to the caller, or where root calls root's device host to user `owner_uid`, whose
        processes may use it; raises NotPermitted where that can't be.

        With `reports` of other devices, as `devices.report.device_report` has them, it is movable:
        its programs are told no more than is true of those devices, too.
        """
        wanted = records.VgpuCreate(
            memory,
            flags
            | (records.VgpuFlag.LASTING if external_id else 0)
            | (records.VgpuFlag.MOVABLE if reports else 0),
            kernel_limit_ms,
            device_type,
            records.Shares(*shares),
            copy_limit,
            name.encode(),
            *_halves(external_id),
            records.PEER_ITSELF if owner_uid is None else owner_uid,
        )
        try:
            with contextlib.ExitStack() as stack:
                memory_of_reports = [stack.enter_context(_sealed(reports))] if reports else []
                created = self._connection.ask_for(
                    Kind.VGPU_CREATE,
                    Kind.VGPU_CREATED,
                    records.VgpuCreated,
                    wanted,
                    memory_of_reports,
                )
        except MemoryUnavailable as error:
            if memory:
                raise
            raise MemoryUnavailable(
                "all memory of the device is reserved by other vGPUs",
                remedy="start those with a --memory of their own; 'aliquot vgpus' shows them",
            ) from error
        return Vgpu(
            id=created.vgpu,
            name=name,
            device_uuid=self.welcome.device_uuid,
            memory=created.memory_bytes,
            socket_path=created.socket_path.decode("utf-8", "surrogateescape"),
            protections=created.protections,
            worker_process_id=created.worker_process_id,
            shares=shares,
            copy_limit=copy_limit,
        )

    def destroy_vgpu(self, vgpu: int) -> None:
        """End a vGPU at once, whoever uses it."""
        self._ask_for_done(Kind.VGPU_DESTROY, records.VgpuReference(vgpu))

    def destroy_lasting_vgpu(self, external_id: int) -> None:
        """End the vGPU that its maker gave this id, whoever uses it."""
        self._ask_for_done(Kind.VGPU_DESTROY, records.VgpuReference(0, *_halves(external_id)))

    def resize_vgpu(
        self, vgpu: int, shares: Shares, copy_limit: int = 0, *, memory: int = 0
    ) -> None:
        """Give a vGPU other shares, another limit of copies and other memory, all or nothing.

        They hold at once. `memory` in bytes, 0 for as much as it has; raises MemoryUnavailable or,
        where more is in use, MemoryInUse.
        """
        wanted = records.VgpuResize(vgpu, records.Shares(*shares), copy_limit, memory)
        self._ask_for_done(Kind.VGPU_RESIZE, wanted)

    def suspend_vgpu(self, external_id: int) -> None:
        """Stop a lasting vGPU at a kernel's end, and keep what its programs have in host memory.

        Its worker ends; guest processes stay connected and wait. What it has reserved stays so.
        Returns when that is done, at once where it is suspended already. Raises NotStopped where
        something can't be interrupted, say a command that waits for a user event.
        """
        with self._connection.patient(_MOVE_SECONDS):
            self._ask_for_done(Kind.VGPU_SUSPEND, records.VgpuReference(0, *_halves(external_id)))

    def resume_vgpu(self, external_id: int) -> None:
        """Let a suspended vGPU's programs go on, with all that they had.

        Returns when they do, at once where it isn't suspended. Raises LacksFeature where it has
        moved to a device that can't do what they were told of, and WorkerStart where no worker can
        restore them; then it stays suspended.
        """
        with self._connection.patient(_MOVE_SECONDS):
            self._ask_for_done(Kind.VGPU_RESUME, records.VgpuReference(0, *_halves(external_id)))

    def move_vgpu(self, external_id: int, target: DeviceHost) -> Vgpu:
        """Move a lasting vGPU to another device of this machine; returns what it is there.

        Its programs, which wait for a moment, go on there with all that they had. The target has
        reserved memory and guarantee, and built the programs, before anything stops here. Raises
        LacksFeature where the other device can't do what programs were told of, NotStopped where
        something can't be interrupted, MoveFailed, and what creating a vGPU there raises; then all
        goes on here. A suspended one moves as it is, and stays suspended.
        """
        way = target._connection.ask_for_descriptor(Kind.MOVE_RECEIVE, Kind.MOVE_CHANNEL)
        try:
            with self._connection.patient(_MOVE_SECONDS):
                reference = records.VgpuReference(0, *_halves(external_id))
                record = self._connection.ask(Kind.VGPU_MOVE, reference, [way])
        finally:
            os.close(way)
        if record.kind != Kind.VGPU_MOVED:
            raise BadRecord(f"the device host answered VGPU_MOVE with kind {record.kind}")
        there = records.payload_of(record, records.VgpuCreated)
        usage = target.show_vgpu(there.vgpu).usage
        return Vgpu(
            id=there.vgpu,
            name=usage.name,
            device_uuid=target.welcome.device_uuid,
            memory=there.memory_bytes,
            socket_path=there.socket_path.decode("utf-8", "surrogateescape"),
            protections=there.protections,
            worker_process_id=there.worker_process_id,
            shares=usage.turns.shares,
            copy_limit=usage.copies.limit,
        )

    def take_lease(self, vgpu: int = 0, *, external_id: int = 0, process_id: int = 0) -> Lease:
        """Lease a vGPU, named by its number or its id, and wait until its worker is ready.

        The process, the caller's or where root calls one of the vGPU's owner, holds the lease, or
        with 0 this connection; it ends with its holder.
        """
        wanted = records.LeaseTake(vgpu, *_halves(external_id), process_id)
        told = self._connection.ask_for(Kind.LEASE_TAKE, Kind.LEASE, records.Lease, wanted)
        return Lease(
            vgpu=told.vgpu,
            number=told.lease,
            memory=told.memory_bytes,
            socket_path=told.socket_path.decode("utf-8", "surrogateescape"),
            protections=told.protections,
            worker_process_id=told.worker_process_id,
        )

    def end_lease(self, vgpu: int, lease: int) -> None:
        """End a lease, whoever holds it; raises NoSuchLease where it has ended."""
        self._ask_for_done(Kind.LEASE_END, records.LeaseReference(vgpu, lease))

    def policy(self) -> Policy:
        """How the device's time is shared out, with the length that a turn has now."""
        return policy_of(self._connection.ask_for(Kind.POLICY_GET, Kind.POLICY, records.Policy))

    def set_policy(self, policy: Policy) -> Policy:
        """Share the device's time out in another way, at once; returns what holds now."""
        wanted = records.Policy(policy.kind, policy.averaging, policy.turn_ns)
        answer = self._connection.ask_for(Kind.POLICY_SET, Kind.POLICY, records.Policy, wanted)
        return policy_of(answer)

    def list_vgpus(self) -> list[VgpuUsage]:
        """All vGPUs of this device that the caller may see."""
        listed: list[VgpuUsage] = []
        after = 0
        while True:
            first = self._connection.ask(Kind.VGPU_LIST, records.VgpuReference(after))
            found, last = self._usages(first)
            if last.kind != Kind.DONE:
                raise BadRecord(f"the device host answered VGPU_LIST with kind {last.kind}")
            listed += found
            before, after = after, records.payload_of(last, records.VgpuReference).vgpu
            if after <= before:  # that was all
                return listed

    def show_vgpu(self, vgpu: int) -> VgpuDetails:
        """All about one vGPU."""
        record = self._connection.ask(Kind.VGPU_SHOW, records.VgpuReference(vgpu))
        found: list[VgpuUsage] = []
        kernels: list[UnsplitKernel] = []
        processes: list[GuestProcess] = []
        while record.kind != Kind.DONE:
            if record.kind == Kind.VGPU_STATUS:
                found, record = self._usages(record)
                if [usage.id for usage in found] != [vgpu]:
                    raise BadRecord("the device host told of another vGPU than it was asked for")
                # A device host that is killed in between and reborn begins anew.
                kernels, processes = [], []
                continue
            if record.kind == Kind.VGPU_KERNEL:
                kernels.append(kernel_of(records.payload_of(record, records.VgpuKernel)))
            elif record.kind == Kind.VGPU_PROCESS:
                told = records.payload_of(record, records.VgpuProcess)
                processes.append(
                    GuestProcess(
                        told.process_id, told.connection, told.memory_lent, told.memory_used
                    )
                )
            else:
                raise BadRecord(f"the device host answered VGPU_SHOW with kind {record.kind}")
            record = self._connection.next_record()
        if not found:
            raise BadRecord("the device host told nothing of the vGPU that it was asked for")
        return VgpuDetails(found[0], kernels, processes)

    def queues(self, vgpu: int) -> QueueClaims:
        """The command queues of a vGPU's guest processes, as its worker tells them.

        A worker that doesn't answer within a moment is said to be silent.
        """
        told, memory = self._connection.ask_with_memory(
            Kind.QUEUES_GET, Kind.QUEUES, records.Queues, records.VgpuReference(vgpu)
        )
        found: list[CommandQueue] = []
        left_out_of: dict[int, int] = {}
        for fields in records.QUEUE.iter_unpack(_contents(memory, told.queue_count, records.QUEUE)):
            queue = records.VgpuQueue(*fields)
            found.append(
                CommandQueue(
                    connection=queue.connection,
                    number=queue.queue,
                    in_order=bool(queue.flags & records.QUEUE_IN_ORDER),
                    outstanding=queue.outstanding,
                    completed=queue.completed,
                    device_ns=queue.device_ns,
                    oldest_ns=queue.oldest_ns,
                )
            )
            left_out_of[queue.connection] = queue.left_out
        answer = QueuesAnswer(told.answer)
        return QueueClaims(told.at_ns, answer, found, told.left_out, left_out_of)

    def _usages(self, record: Record) -> tuple[list[VgpuUsage], Record]:
        """The vGPUs of which an answer tells, from its first record on, and the record after."""
        # By number: a device host that is killed in between and reborn begins anew.
        found: dict[int, VgpuUsage] = {}
        last: VgpuUsage | None = None
        while record.kind in _OF_A_VGPU:
            if record.kind == Kind.VGPU_STATUS:
                last = usage_of(
                    records.payload_of(record, records.VgpuStatus), self.welcome.device_uuid
                )
            else:
                last = with_more(last, record)
            found[last.id] = last
            record = self._connection.next_record()
        return list(found.values()), record

    def receipt(self, vgpu: int) -> Receipt:
        """Where the time of a vGPU's guest processes went, up to now."""
        from aliquot.model.receipt import Receipt

        told = self._connection.ask_for(
            Kind.RECEIPT_GET, Kind.RECEIPT, records.Receipt, records.VgpuReference(vgpu)
        )
        return Receipt(*told[1:])

    def page(self, vgpu: int) -> MappedPage:
        """The page that tells of a vGPU; close it after use."""
        from aliquot.client.pages import MappedPage

        reference = records.VgpuReference(vgpu)
        return MappedPage(
            self._connection.ask_for_descriptor(Kind.RECEIPT_GET, Kind.RECEIPT, reference)
        )

    def turns(self, since_ns: int = 0) -> list[Turn]:
        """The turns of the device's last minute that ended after a moment of the monotonic clock.

        By their beginnings. One that goes on is told up to now. It, and others, may be told again
        with another end: what has the same vGPU and beginning then takes its place. A device host
        that was killed and reborn knows none of before.
        """
        told, memory = self._connection.ask_with_memory(
            Kind.TURNS_GET, Kind.TURNS, records.Turns, records.TurnsGet(since_ns)
        )
        data = _contents(memory, told.turn_count, records.TURN)
        return [Turn(*fields) for fields in records.TURN.iter_unpack(data)]

    def look(self) -> Welcome:
        """What the device host says of itself by now."""
        return _greet(self._connection)

    def late_error(self) -> DeviceHostError | None:
        """What the device host said unasked, say that a worker died; never waits."""
        return self._connection.late_error()

    def interrupt(self) -> None:
        """Let the thread that waits for an answer hear that there will be none; for any thread."""
        self._connection.interrupt()

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def __enter__(self) -> DeviceHost:
        """Nothing to prepare: the greeting was the preparation."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()

    def _ask_for_done(self, kind: Kind, payload: records.Payload) -> None:
        answer = self._connection.ask(kind, payload)
        if answer.kind != Kind.DONE:
            raise BadRecord(f"the device host answered {kind.name} with kind {answer.kind}")


def running_hosts() -> list[DeviceHost]:
    """The device hosts that run in this user's runtime directory; close each after use."""
    hosts = (DeviceHost.join(path) for _, path in runtime_directory.device_hosts())
    return [host for host in hosts if host is not None]


def running_vgpus(device_uuid: str | None = None) -> list[VgpuUsage]:
    """The vGPUs of all device hosts that run here, or of one device's; by device and number."""
    listed: list[VgpuUsage] = []
    for host in running_hosts():
        with host:
            if device_uuid in (None, host.welcome.device_uuid):
                # A device host ends when its last vGPU does, perhaps while we ask.
                with contextlib.suppress(DeviceHostUnreachable):
                    listed += host.list_vgpus()
    return sorted(listed, key=lambda usage: (usage.device_uuid, usage.id))


@contextlib.contextmanager
def _sealed(reports: Sequence[bytes]) -> Generator[int]:
    """A memory that holds the reports, each behind its length, and that nobody can change."""
    memory = os.memfd_create("aliquot-reports", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        for report in reports:
            os.write(memory, len(report).to_bytes(4, sys.byteorder) + report)
        fcntl.fcntl(
            memory,
            fcntl.F_ADD_SEALS,
            fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW,
        )
        yield memory
    finally:
        os.close(memory)


def _contents(memory: int | None, count: int, layout: struct.Struct) -> bytes:
    """What came in a memory, which is closed: so many of a kind; none where there is no memory."""
    data = b""
    if memory is not None:
        with open(memory, "rb") as file:
            data = file.read()
    if len(data) != count * layout.size:
        raise BadRecord(f"the device host told of {count} things in {len(data)} bytes")
    return data


def _halves(external_id: int) -> tuple[int, int]:
    return external_id >> 64, external_id & _LOW_BITS


def _greet(connection: Connection) -> Welcome:
    told = connection.ask_for(Kind.CONTROL_HELLO, Kind.CONTROL_WELCOME, records.ControlWelcome)
    return Welcome(
        device_memory=told.device_memory,
        reserved_memory=told.reserved_memory,
        process_id=told.process_id,
        vgpu_count=told.vgpu_count,
        device_uuid=records.text_of(told.device_uuid),
        program_version=records.text_of(told.program_version),
        open_descriptors=told.open_descriptors,
    )
