"""A device host in Python: speaks the control half of the protocol, has no worker.

FAKE_DEVICE_HOST chooses how it behaves: "" well, "version" speaks another version of the protocol,
"refuse:N" answers every vGPU with error N, "early" tells of turns before their vGPU, "late"
reports a worker's death unasked, "no-receipt" knows no receipt, "silent-worker" has workers that
tell of no queues, "fail" ends at once with status 3.
"""

import os
import select
import selectors
import socket
import struct
import sys
import time
from collections.abc import Sized
from pathlib import Path
from typing import NamedTuple

from aliquot.client import pages, records
from aliquot.client.records import Kind, VgpuFlag
from aliquot.model.turn import Turn

IDLE_SECONDS = 0.3
FIRST_IDLE_SECONDS = 10.0  # like the real one: who started it may be slow to ask
AUTOMATIC_TURN_NS = 2_000_000
IN_USE = 128 << 10  # bytes of each vGPU, whatever runs
MOST_VGPUS = 2500
MOST_LEASES = 64
FIRST_RECORDS = 256  # of a list, before the rest must be asked for
QUEUES = (
    records.VgpuQueue(1, 1, 1, records.QUEUE_IN_ORDER, 3, 1200, 4_000_000_000, 12_500_000),
    records.VgpuQueue(1, 1, 2, 0, 0, 34, 1_000_000_000, 0),
)


def main() -> int:
    arguments = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    behaviour = os.environ.get("FAKE_DEVICE_HOST", "")
    directory = Path(arguments["--runtime-dir"]) / arguments["--uuid"]
    with (directory / "starts").open("a") as log:
        log.write(" ".join(sys.argv[1:]) + "\n")
    if behaviour == "fail":
        print("aliquot-device: It can't, for a test.", file=sys.stderr)
        return 3
    path = directory / "control.sock"
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(path))
    listener.listen()
    if os.fork():
        return 0
    # Like the real one: whoever started it sees its stderr closed once it listens.
    os.setsid()
    for descriptor in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    Host(listener, arguments, behaviour).serve()
    path.unlink(missing_ok=True)
    return 0


class Holding(NamedTuple):
    """A lease; `control` holds it where `process` is 0."""

    control: socket.socket
    process: int
    pidfd: int
    since_ns: int


class Made:
    """A vGPU."""

    def __init__(self, created: records.VgpuCreate, maker: socket.socket) -> None:
        self.created = created
        self.maker = maker
        self.leases: dict[int, Holding] = {}
        self.next_lease = 1
        self.has_worker = not created.flags & VgpuFlag.LASTING

    @property
    def lasting(self) -> bool:
        return bool(self.created.flags & VgpuFlag.LASTING)

    def end_leases(self, control: socket.socket | None = None) -> None:
        """Those of processes that have ended, or of a connection."""
        for number, held in list(self.leases.items()):
            over = held.control is control and not held.process
            if held.process:
                over = over or bool(select.select([held.pidfd], [], [], 0)[0])
            if over:
                self.end_lease(number)

    def end_lease(self, number: int) -> bool:
        held = self.leases.pop(number, None)
        if held is not None and held.process:
            os.close(held.pidfd)
        return held is not None


class Host:
    def __init__(self, listener: socket.socket, arguments: dict[str, str], behaviour: str) -> None:
        self.listener = listener
        self.uuid = arguments["--uuid"]
        self.directory = Path(arguments["--runtime-dir"]) / self.uuid
        self.memory = int(arguments["--memory"])
        self.behaviour = behaviour
        self.vgpus: dict[int, Made] = {}
        self.selector = selectors.DefaultSelector()
        self.selector.register(listener, selectors.EVENT_READ)
        self.next_id = 1
        self.policy = records.Policy(turn_ns=AUTOMATIC_TURN_NS)

    def serve(self) -> None:
        idle = FIRST_IDLE_SECONDS
        while True:
            ready = self.selector.select(idle)
            if not ready and len(self.selector.get_map()) == 1 and not self.vgpus:
                return
            idle = IDLE_SECONDS
            for key, _ in ready:
                if key.fileobj is self.listener:
                    peer, _ = self.listener.accept()
                    self.selector.register(peer, selectors.EVENT_READ)
                else:
                    assert isinstance(key.fileobj, socket.socket)
                    self.read(key.fileobj)

    def read(self, peer: socket.socket) -> None:
        data = peer.recv(records.RECORD_SIZE)
        if not data:
            self.selector.unregister(peer)
            peer.close()
            for made in self.vgpus.values():
                made.end_leases(peer)
            self.vgpus = {
                number: made
                for number, made in self.vgpus.items()
                if made.lasting or made.leases or made.maker is not peer
            }
            return
        request = records.unpack(data)
        for answer in self.answers(request, peer):
            record = records.unpack(answer)
            if record.kind == Kind.RECEIPT:
                memory = page_of(self.vgpus)
            elif record.kind == Kind.QUEUES and self.behaviour != "silent-worker":
                memory = memory_of(b"".join(records.QUEUE.pack(*queue) for queue in QUEUES))
            elif record.kind == Kind.TURNS and records.payload_of(record, records.Turns).turn_count:
                memory = self.turns_since(records.payload_of(record, records.Turns).since_ns)
            else:
                peer.send(answer)
                continue
            socket.send_fds(peer, [answer], [memory])
            os.close(memory)

    def answers(self, request: records.Record, peer: socket.socket) -> list[bytes]:
        def pack(kind: Kind, payload: records.Payload | None = None) -> bytes:
            version = 99 if self.behaviour == "version" else records.VERSION
            return records.pack(kind, payload, sequence=request.sequence, version=version)

        for made in self.vgpus.values():
            made.end_leases()
        reserved = sum(made.created.memory_bytes for made in self.vgpus.values())
        if request.kind == Kind.CONTROL_HELLO:
            welcome = records.ControlWelcome(
                self.memory, reserved, os.getpid(), len(self.vgpus), self.uuid.encode(), b"fake"
            )
            return [pack(Kind.CONTROL_WELCOME, welcome)]
        if request.kind == Kind.VGPU_CREATE:
            if self.behaviour.startswith("refuse:"):
                error = records.Error(int(self.behaviour[7:]), b"refused \x1b[31m for a test")
                return [pack(Kind.ERROR, error)]
            return self.create(request, peer, reserved, pack)
        if request.kind == Kind.QUEUES_GET:
            return self.queues(request, pack)
        if request.kind == Kind.VGPU_DESTROY:
            reference = records.payload_of(request, records.VgpuReference)
            number = self.number_of(reference)
            if number == 0:
                return [pack(Kind.ERROR, records.Error(6, b"no such vGPU"))]
            for lease in list(self.vgpus[number].leases):
                self.vgpus[number].end_lease(lease)
            del self.vgpus[number]
            return [pack(Kind.DONE)]
        if request.kind == Kind.VGPU_LIST:
            return self.told_after(records.payload_of(request, records.VgpuReference).vgpu, pack)
        if request.kind == Kind.LEASE_TAKE:
            return [self.take_lease(records.payload_of(request, records.LeaseTake), peer, pack)]
        if request.kind == Kind.LEASE_END:
            reference = records.payload_of(request, records.LeaseReference)
            if reference.vgpu not in self.vgpus:
                return [pack(Kind.ERROR, records.Error(6, b"no such vGPU"))]
            if not self.vgpus[reference.vgpu].end_lease(reference.lease):
                return [pack(Kind.ERROR, records.Error(15, b"no such lease"))]
            return [pack(Kind.DONE)]
        if request.kind == Kind.VGPU_SHOW:
            reference = records.payload_of(request, records.VgpuReference)
            return self.show(self.number_of(reference), pack)
        if request.kind == Kind.VGPU_RESIZE:
            return [self.resize(request, pack)]
        if request.kind == Kind.RECEIPT_GET:
            if self.behaviour == "no-receipt":
                return [pack(Kind.ERROR, records.Error(6, b"no such vGPU"))]
            reference = records.payload_of(request, records.VgpuReference)
            return [pack(Kind.RECEIPT, receipt_of(reference.vgpu))]
        if request.kind == Kind.TURNS_GET:
            since = records.payload_of(request, records.TurnsGet).since_ns
            told = records.Turns(since, 0, time.monotonic_ns(), len(self.turns(since)))
            return [pack(Kind.TURNS, told)]
        if request.kind == Kind.POLICY_SET:
            self.policy = records.payload_of(request, records.Policy)
            with (self.directory / "policies").open("a") as log:
                log.write(f"{self.policy!r}\n")
            if not self.policy.turn_ns:
                self.policy = self.policy._replace(turn_ns=AUTOMATIC_TURN_NS)
            return [pack(Kind.POLICY, self.policy)]
        if request.kind == Kind.POLICY_GET:
            return [pack(Kind.POLICY, self.policy)]
        return [pack(Kind.ERROR, records.Error(2, b"not understood"))]

    def turns(self, since: int) -> list[Turn]:
        """Of each vGPU that has a worker one, of a millisecond, in the order of their numbers."""
        turns = (
            Turn(number, number * 1_000_000, (number + 1) * 1_000_000, 900_000)
            for number, made in sorted(self.vgpus.items())
            if made.has_worker
        )
        return [turn for turn in turns if turn.end_ns > since]

    def turns_since(self, since: int) -> int:
        return memory_of(b"".join(records.TURN.pack(*turn) for turn in self.turns(since)))

    def create(self, request, peer, reserved, pack) -> list[bytes]:
        wanted = records.payload_of(request, records.VgpuCreate)
        if bool(wanted.flags & VgpuFlag.LASTING) != bool(wanted.id_high or wanted.id_low):
            return [pack(Kind.ERROR, records.Error(2, b"an id and lasting go together"))]
        existing = self.number_of(records.VgpuReference(0, wanted.id_high, wanted.id_low))
        if existing:
            return [self.created_again(existing, wanted, pack)]
        if len(self.vgpus) >= MOST_VGPUS:
            return [pack(Kind.ERROR, records.Error(8, b"too many vGPUs"))]
        memory = wanted.memory_bytes or self.memory - reserved
        if memory == 0 or reserved + memory > self.memory:
            return [pack(Kind.ERROR, records.Error(4, b"less is unreserved"))]
        if refusal := self.refusal(wanted.shares):
            return [pack(Kind.ERROR, refusal)]
        with (self.directory / "created").open("a") as log:
            log.write(f"{wanted!r}\n")
        number, self.next_id = self.next_id, self.next_id + 1
        self.vgpus[number] = Made(wanted._replace(memory_bytes=memory), peer)
        answers = [self.told_created(number, pack)]
        if self.behaviour == "late":
            # First, so that it is there however soon the command ends.
            answers.insert(0, records.pack(Kind.ERROR, records.Error(10, b"it died"), sequence=0))
        return answers

    def told_created(self, number: int, pack) -> bytes:
        made = self.vgpus[number]
        worker = (0, 0) if made.lasting else (0xFFF, 1234)
        path = str(self.directory / f"v{number}.sock").encode()
        return pack(
            Kind.VGPU_CREATED, records.VgpuCreated(number, made.created.memory_bytes, *worker, path)
        )

    def created_again(self, number: int, wanted: records.VgpuCreate, pack) -> bytes:
        created = self.vgpus[number].created
        if not wanted.memory_bytes:
            wanted = wanted._replace(memory_bytes=created.memory_bytes)
        if wanted != created:
            return pack(Kind.ERROR, records.Error(13, b"it exists already and differs"))
        return self.told_created(number, pack)

    def number_of(self, reference: records.VgpuReference) -> int:
        """The vGPU that is meant; 0: there is none."""
        if reference.vgpu:
            return reference.vgpu if reference.vgpu in self.vgpus else 0
        wanted = (reference.id_high, reference.id_low)
        for number, made in self.vgpus.items():
            if any(wanted) and (made.created.id_high, made.created.id_low) == wanted:
                return number
        return 0

    def take_lease(self, wanted: records.LeaseTake, peer: socket.socket, pack) -> bytes:
        number = self.number_of(records.VgpuReference(wanted.vgpu, wanted.id_high, wanted.id_low))
        if not number:
            return pack(Kind.ERROR, records.Error(6, b"no such vGPU"))
        made = self.vgpus[number]
        if len(made.leases) >= MOST_LEASES:
            return pack(Kind.ERROR, records.Error(8, b"too many leases"))
        pidfd = -1
        if wanted.process_id:
            try:
                pidfd = os.pidfd_open(wanted.process_id)
            except (OSError, OverflowError):
                return pack(Kind.ERROR, records.Error(16, b"no such process"))
        lease, made.next_lease = made.next_lease, made.next_lease + 1
        made.leases[lease] = Holding(peer, wanted.process_id, pidfd, time.monotonic_ns())
        made.has_worker = True
        path = str(self.directory / f"v{number}.sock").encode()
        told = records.Lease(number, lease, made.created.memory_bytes, 0xFFF, 1234, path)
        return pack(Kind.LEASE, told)

    def told_after(self, after: int, pack) -> list[bytes]:
        told: list[bytes] = []
        last = 0
        for number in sorted(self.vgpus):
            if number <= after:
                continue
            if len(told) >= FIRST_RECORDS:
                return [*told, pack(Kind.DONE, records.VgpuReference(last))]
            told += self.tell(number, pack)
            last = number
        return [*told, pack(Kind.DONE)]

    def tell(self, number: int, pack, *, shown: bool = False) -> list[bytes]:
        made = self.vgpus[number]
        created = made.created
        status = records.VgpuStatus(
            vgpu=number,
            memory_limit=created.memory_bytes,
            protections=0x020 if shown else 0,
            kernel_limit_ms=2000 if shown else 0,
            owner_uid=os.geteuid()
            if created.owner_uid == records.PEER_ITSELF
            else created.owner_uid,
            flags=created.flags & VgpuFlag.LASTING,
            name=created.name,
            id_high=created.id_high,
            id_low=created.id_low,
            state=2 if made.has_worker else 0,
            leases=len(made.leases),
        )
        turns = pack(Kind.VGPU_TURNS, turns_of(number, created.shares))
        records_told = [
            pack(Kind.VGPU_STATUS, status),
            turns,
            pack(Kind.VGPU_COPIES, copies_of(number, created.copy_limit)),
        ]
        if self.behaviour == "early":
            records_told = [turns, records_told[0]]
        for lease, held in made.leases.items():
            process = held.process or peer_process(held.control)
            records_told.append(
                pack(
                    Kind.VGPU_LEASE,
                    records.VgpuLease(
                        number, lease, held.since_ns, process, int(bool(held.process))
                    ),
                )
            )
        return records_told

    def resize(self, request, pack) -> bytes:
        wanted = records.payload_of(request, records.VgpuResize)
        if wanted.vgpu not in self.vgpus:
            return pack(Kind.ERROR, records.Error(6, b"no such vGPU"))
        if refusal := self.refusal(wanted.shares, wanted.vgpu):
            return pack(Kind.ERROR, refusal)
        made = self.vgpus[wanted.vgpu]
        memory = wanted.memory_bytes or made.created.memory_bytes
        reserved = sum(other.created.memory_bytes for other in self.vgpus.values())
        if memory - made.created.memory_bytes > self.memory - reserved:
            return pack(Kind.ERROR, records.Error(4, b"less is unreserved"))
        if made.has_worker and memory < IN_USE:
            return pack(Kind.ERROR, records.Error(14, b"more is in use"))
        made.created = made.created._replace(
            shares=wanted.shares, copy_limit=wanted.copy_limit, memory_bytes=memory
        )
        return pack(Kind.DONE)

    def show(self, number: int, pack) -> list[bytes]:
        """With a kernel whose name would move a terminal, and one process."""
        if number not in self.vgpus:
            return [pack(Kind.ERROR, records.Error(6, b"no such vGPU"))]
        return [
            *self.tell(number, pack, shown=True),
            pack(Kind.VGPU_KERNEL, records.VgpuKernel(number, 12_500_000, 2, b"hist\x1b[31m")),
            pack(Kind.VGPU_PROCESS, records.VgpuProcess(number, 2 << 20, 1 << 20, 4711, 1)),
            pack(Kind.DONE),
        ]

    def queues(self, request, pack) -> list[bytes]:
        """Two of its one process, of which the second is out of order, and one left out."""
        number = records.payload_of(request, records.VgpuReference).vgpu
        if number not in self.vgpus:
            return [pack(Kind.ERROR, records.Error(6, b"no such vGPU"))]
        told = records.Queues(number, time.monotonic_ns(), 0, len(QUEUES), 1)
        if self.behaviour == "silent-worker":
            told = records.Queues(number, time.monotonic_ns(), answer=2)
        return [pack(Kind.QUEUES, told)]

    def refusal(self, wanted: records.Shares, resized: int = 0) -> records.Error | None:
        """Why these shares can't be, for a new vGPU or for one that is there."""
        promised = sum(
            made.created.shares.guarantee
            for number, made in self.vgpus.items()
            if number != resized
        )
        if promised + wanted.guarantee > 10_000:
            free = f"{(10_000 - promised) / 100:g} % of the device's time are unpromised."
            return records.Error(11, free.encode())
        if wanted.limit < max(wanted.guarantee, 1) or not 1 <= wanted.weight <= 1000:
            return records.Error(12, b"the shares can't be")
        return None


def memory_of(data: bytes) -> int:
    memory = os.memfd_create("told")
    os.pwrite(memory, data, 0)  # whoever reads it reads from where it is, which is shared
    return memory


def peer_process(peer: socket.socket) -> int:
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", credentials)[0]


def copies_of(vgpu: int, limit: int) -> records.VgpuCopies:
    """What a test can know again."""
    return records.VgpuCopies(vgpu, limit, 3 << 30, 2_000_000_000, 300 << 20, 200 << 20, 1, 7525)


def turns_of(vgpu: int, shares: records.Shares) -> records.VgpuTurns:
    """What a test can know again."""
    return records.VgpuTurns(
        vgpu,
        shares,
        held_ns=3_000_000_000,
        balance_ns=-1_500_000,
        turns=1500,
        wait_p50_us=250,
        wait_p99_us=4_000,
        share_1s=2512,
        share_10s=2500,
        share_60s=2498,
    )


def page_of(vgpus: Sized) -> int:
    """A page with what a test can know again, as a descriptor."""
    page = pages.Page(*[0] * len(pages.Page._fields))._replace(
        version=pages.PAGE_VERSION,
        sequence=2,
        at_ns=time.monotonic_ns(),
        held_ns=4_000_000_000,
        spared_ns=500_000_000,
        withheld_ns=500_000_000,
        balance_ns=-2_500_000,
        limit=10_000,
        weight=1,
        share_1s=1234,
        kernels=len(vgpus),
    )
    descriptor = os.memfd_create("page")
    os.truncate(descriptor, pages.PAGE_SIZE)
    os.pwrite(descriptor, pages.LAYOUT.pack(*page), 0)
    return descriptor


def receipt_of(vgpu: int) -> records.Receipt:
    """Of two processes, one after another, that lived for 10 ms in all."""
    return records.Receipt(
        vgpu,
        alive_ns=10_000_000,
        covered_ns=10_000_000,
        start_ns=1_000_000,
        kernels_ns=3_000_000,
        others_ns=2_000_000,
        syncs_ns=1_000_000,
        syncs=40,
        held_ns=3_500_000,
        spared_ns=500_000,
        waited_ns=2_500_000,
        turns=7,
        processes=2,
    )


if __name__ == "__main__":
    sys.exit(main())
