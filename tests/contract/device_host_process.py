"""A device host under test, with the fake worker, and both kinds of peers that talk to it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

import pytest

from tests.folders import make_short_folder, remove_folder

MAGIC = 0x514C4131
VERSION = 7
RECORD_SIZE = 256

ERROR, DONE = 1, 2
CONTROL_HELLO, CONTROL_WELCOME = 16, 17
VGPU_CREATE, VGPU_CREATED, VGPU_DESTROY, VGPU_LIST, VGPU_STATUS = 18, 19, 20, 21, 22
VGPU_TURNS, VGPU_RESIZE, POLICY_SET, POLICY_GET, POLICY = 23, 24, 25, 26, 27
RECEIPT_GET, RECEIPT = 28, 29
VGPU_COPIES, VGPU_SHOW, VGPU_KERNEL, VGPU_PROCESS = 80, 81, 82, 83
VGPU_LEASE, LEASE_TAKE, LEASE, LEASE_END = 84, 85, 86, 87
GUEST_HELLO, GUEST_WELCOME = 32, 33
CREDIT_REQUEST, CREDIT_REPLY, ARENA_REQUEST, ARENA_REPLY = 34, 35, 36, 37

VERSION_MISMATCH, BAD_RECORD, NOT_PERMITTED, MEMORY_UNAVAILABLE = 1, 2, 3, 4
NAME_TAKEN, NO_SUCH_VGPU, WORKER_START, LIMIT_REACHED = 5, 6, 7, 8
WORKER_ENDED, SHARE_UNAVAILABLE, BAD_SHARE = 10, 11, 12
VGPU_DIFFERS, MEMORY_IN_USE, NO_SUCH_LEASE, NO_SUCH_PROCESS = 13, 14, 15, 16

LASTING = 8  # a flag
PEER_ITSELF = 2**32 - 1  # as an owner
RESERVED, STARTING, READY = 0, 1, 2

# Guarantee and limit in hundredths of a percent, weight, priority class.
NO_SHARES = (0, 10_000, 1, 0)

STAGING, BUFFERS = 0, 1
MIB = 1 << 20
DEVICE_MEMORY = 1024 * MIB
DEVICE = "device-under-test"

REPOSITORY = Path(__file__).parents[2]


def find_program(name: str) -> Path:
    """A native program: from ALIQUOT_NATIVE_DIR's build, or the newest one below build/native."""
    configured = os.environ.get("ALIQUOT_NATIVE_DIR")
    folders = [Path(configured)] if configured else []
    folders.append(REPOSITORY / "build" / "native")
    found = [path for folder in folders for path in folder.rglob(name) if path.is_file()]
    if not found:
        pytest.fail(f"{name} is not built; `make test` builds it")
    return max(found, key=lambda path: path.stat().st_mtime)


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Wait for something that will happen; fail when it hasn't after a generous time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds} s in vain: {what}")
        time.sleep(0.01)


class Record(NamedTuple):
    kind: int
    sequence: int
    payload: bytes

    def error(self) -> tuple[int, str]:
        assert self.kind == ERROR, self
        return struct.unpack_from("I", self.payload)[0], text(self.payload[4:204])


def text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode()


def pack(kind: int, payload: bytes = b"", sequence: int = 1, version: int = VERSION) -> bytes:
    return struct.pack("=IHHII", MAGIC, version, kind, sequence, 0) + payload.ljust(240, b"\0")


class Peer:
    """One connection to a record socket."""

    def __init__(self, path: Path | str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        self.sequence = 0
        self.descriptors: list[int] = []
        self.unasked: list[Record] = []

    def send(self, kind: int, payload: bytes = b"") -> int:
        self.sequence += 1
        self.socket.send(pack(kind, payload, self.sequence))
        return self.sequence

    def receive(self) -> Record | None:
        """The next record, or None at the end of the stream. Descriptors are collected."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self.socket, 512, 8)
        except ConnectionResetError:
            return None
        self.descriptors += descriptors
        if not data:
            return None
        assert len(data) == RECORD_SIZE
        magic, version, kind, sequence, _ = struct.unpack_from("=IHHII", data)
        assert (magic, version) == (MAGIC, VERSION)
        return Record(kind, sequence, data[16:])

    def receive_answer(self) -> Record:
        """The next record that was asked for; what came unasked is collected.

        Answers may come twice, where the device host died when it had just sent them.
        """
        while True:
            answer = self.receive()
            assert answer is not None, "the connection ended"
            if answer.sequence == self.sequence:
                return answer
            if not answer.sequence:
                self.unasked.append(answer)

    def ask(self, kind: int, payload: bytes = b"") -> Record:
        self.send(kind, payload)
        return self.receive_answer()

    def close(self) -> None:
        self.socket.close()
        for descriptor in self.descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self.descriptors.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Vgpu(NamedTuple):
    number: int
    memory: int
    protections: int
    worker: int
    socket_path: str


class Held(NamedTuple):
    """A lease, as it is listed."""

    number: int
    since_ns: int
    process: int
    by_process: int


class Status(NamedTuple):
    vgpu: int
    memory_limit: int
    memory_lent: int
    memory_used: int
    witnessed: int
    cpu_ns: int
    kernels: int
    copied_bytes: int
    guests: int
    worker: int
    owner: int
    protections: int
    name: str
    shares: tuple[int, ...]
    copy_limit: int
    external_id: int = 0
    state: int = 0
    leases: tuple[Held, ...] = ()


class Lease(NamedTuple):
    vgpu: int
    number: int
    memory: int
    protections: int
    worker: int
    socket_path: str


class Control(Peer):
    """The command line's side."""

    def hello(self) -> Control:
        assert self.ask(CONTROL_HELLO).kind == CONTROL_WELCOME
        return self

    def device_host(self) -> int:
        """The device host's process: a child of the one that was started, its supervisor."""
        return struct.unpack_from("QQI", self.ask(CONTROL_HELLO).payload)[2]

    def try_create(
        self,
        memory: int = 64 * MIB,
        name: str = "",
        flags: int = 0,
        shares: tuple[int, int, int, int] = NO_SHARES,
        copy_limit: int = 0,
        external_id: int = 0,
        owner: int = PEER_ITSELF,
    ) -> Record:
        halves = divmod(external_id, 1 << 64)
        wanted = struct.pack(
            "QIIQ4IQ64sQQI",
            *(memory, flags, 2000, 0, *shares, copy_limit, name.encode(), *halves, owner),
        )
        return self.ask(VGPU_CREATE, wanted)

    def create_lasting(
        self,
        external_id: int,
        memory: int = 64 * MIB,
        name: str = "",
        owner: int = PEER_ITSELF,
    ) -> Vgpu:
        answer = self.try_create_lasting(external_id, memory, name, owner)
        assert answer.kind == VGPU_CREATED, answer.error()
        return vgpu_of(answer)

    def try_create_lasting(
        self,
        external_id: int,
        memory: int,
        name: str = "",
        owner: int = PEER_ITSELF,
    ) -> Record:
        return self.try_create(memory, name, LASTING, external_id=external_id, owner=owner)

    def try_lease(self, external_id: int, process: int = 0, number: int = 0) -> Record:
        halves = divmod(external_id, 1 << 64)
        return self.ask(LEASE_TAKE, struct.pack("QQQI", number, *halves, process))

    def lease(self, external_id: int, process: int = 0) -> Lease:
        answer = self.try_lease(external_id, process)
        assert answer.kind == LEASE, answer.error()
        fields = struct.unpack_from("QQQII108s", answer.payload)
        return Lease(*fields[:5], text(fields[5]))

    def end_lease(self, vgpu: int, lease: int) -> Record:
        return self.ask(LEASE_END, struct.pack("QQ", vgpu, lease))

    def destroy_lasting(self, external_id: int) -> Record:
        return self.ask(VGPU_DESTROY, struct.pack("QQQ", 0, *divmod(external_id, 1 << 64)))

    def create(self, memory: int = 64 * MIB, name: str = "", flags: int = 0) -> Vgpu:
        answer = self.try_create(memory, name, flags)
        assert answer.kind == VGPU_CREATED, answer.error()
        return vgpu_of(answer)

    def destroy(self, number: int) -> Record:
        return self.ask(VGPU_DESTROY, struct.pack("Q", number))

    def list(self) -> list[Status]:
        statuses: list[Status] = []
        after = 0
        while True:
            more, last = self.list_after(after)
            statuses += more
            if not last:
                return statuses
            after = last

    def list_after(self, after: int) -> tuple[list[Status], int]:
        """One answer to a list, and after which vGPU to ask on; 0: that was all."""
        self.send(VGPU_LIST, struct.pack("Q", after))
        statuses: dict[int, Status] = {}  # begun anew where the device host died in between
        answer = self.receive_answer()
        while answer.kind == VGPU_STATUS:
            fields = struct.unpack_from("8Q6I64sQQII", answer.payload)
            turns = self.receive_answer()
            assert turns.kind == VGPU_TURNS
            number, *shares = struct.unpack_from("Q4I", turns.payload)
            assert number == fields[0]
            copies = self.receive_answer()
            assert copies.kind == VGPU_COPIES
            number, limit = struct.unpack_from("QQ", copies.payload)
            assert number == fields[0]
            leases: list[Held] = []
            while (answer := self.receive_answer()).kind == VGPU_LEASE:
                leases.append(Held(*struct.unpack_from("QQQII", answer.payload)[1:]))
            assert len(leases) == fields[18]
            statuses[number] = Status(
                *(*fields[:12], text(fields[14]), tuple(shares), limit),
                *(fields[15] << 64 | fields[16], fields[17], tuple(leases)),
            )
        assert answer.kind == DONE
        return [*statuses.values()], struct.unpack_from("Q", answer.payload)[0]

    def resize(
        self,
        number: int,
        shares: tuple[int, int, int, int] = NO_SHARES,
        copy_limit: int = 0,
        memory: int = 0,
    ) -> Record:
        return self.ask(VGPU_RESIZE, struct.pack("Q4IQQ", number, *shares, copy_limit, memory))

    def set_policy(self, kind: int, averaging: int, turn_ns: int) -> Record:
        return self.ask(POLICY_SET, struct.pack("IIQ", kind, averaging, turn_ns))

    def policy(self) -> tuple[int, int, int]:
        """Kind, averaging, length of a turn in ns."""
        answer = self.ask(POLICY_GET)
        assert answer.kind == POLICY
        return struct.unpack_from("IIQ", answer.payload)


def vgpu_of(answer: Record) -> Vgpu:
    fields = struct.unpack_from("QQII108s", answer.payload)
    return Vgpu(*fields[:4], text(fields[4]))


class Guest(Peer):
    """A guest driver's side."""

    connection = 0
    memory_limit = 0  # as it was told

    def hello(self) -> Guest:
        answer = self.ask(GUEST_HELLO, struct.pack("II", 1, os.getpid()))
        assert answer.kind == GUEST_WELCOME, answer.error()
        _, self.memory_limit, self.connection = struct.unpack_from("QQI", answer.payload)
        assert len(self.descriptors) == 3
        return self

    @property
    def memory(self) -> int:
        """The descriptor of the connection memory."""
        return self.descriptors[0]

    def page_credit(self) -> int:
        return struct.unpack("Q", os.pread(self.descriptors[1], 8, 0))[0]

    def set_page_credit(self, value: int) -> None:
        os.pwrite(self.descriptors[1], struct.pack("Q", value), 0)

    def borrow(self, size: int) -> int:
        answer = self.ask(CREDIT_REQUEST, struct.pack("Q", size))
        assert answer.kind == CREDIT_REPLY
        return struct.unpack_from("Q", answer.payload)[0]

    def arena(self, size: int, purpose: int = BUFFERS) -> tuple[int, int]:
        """The size and number of a new arena; 0, 0 when it was refused."""
        answer = self.ask(ARENA_REQUEST, struct.pack("QI", size, purpose))
        assert answer.kind == ARENA_REPLY
        return struct.unpack_from("QI", answer.payload)


class DeviceHostProcess:
    """A device host in a folder of its own, run by a given user, with a scripted worker."""

    def __init__(self, user: int | None = None) -> None:
        self.user = user
        self.folder = make_short_folder()
        self.folder.chmod(0o755)  # for the user that the device host runs as
        self.runtime = self.folder / "run"
        self.orders = self.folder / "driver" / "orders"
        self.orders.parent.mkdir()
        self.orders.write_text("ready serve")
        for name in ("aliquot-device", "aliquot-fake-worker"):
            shutil.copy(find_program(name), self.folder / name)
        for name in ("run", "cache"):
            (self.folder / name).mkdir(mode=0o700)
            if user is not None:
                os.chown(self.folder / name, user, user)
        self.process: subprocess.Popen[bytes] | None = None
        self.peers: list[Peer] = []

    @property
    def device_folder(self) -> Path:
        return self.runtime / DEVICE

    @property
    def control_path(self) -> Path:
        return self.device_folder / "control.sock"

    def command(self, *more: str) -> list[str]:
        return [
            str(self.folder / "aliquot-device"), "--uuid", DEVICE,
            "--runtime-dir", str(self.runtime), "--driver", str(self.orders),
            "--device-index", "0", "--platform-index", "0", "--memory", str(DEVICE_MEMORY),
            "--worker", str(self.folder / "aliquot-fake-worker"),
            "--cache-dir", str(self.folder / "cache"), "--processors", "2", *more,
        ]  # fmt: skip

    def start(self) -> DeviceHostProcess:
        """Start in the foreground, so that its log is ours; wait until it listens."""
        identity: dict[str, object] = (
            {} if self.user is None else {"user": self.user, "group": self.user}
        )
        if self.user is not None:
            identity["extra_groups"] = []
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # pyright: ignore[reportCallIssue]
                self.command("--foreground"),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                **identity,  # pyright: ignore[reportArgumentType]
            )  # fmt: skip
        wait_until(self.listens, "the device host listens")
        return self

    def listens(self) -> bool:
        try:
            Peer(self.control_path).close()
        except OSError:
            return False
        return True

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def wait_for_log(self, pattern: str, seconds: float = 60) -> None:
        wait_until(lambda: re.search(pattern, self.log()), f"{pattern} in:\n{self.log()}", seconds)

    def trial(self, name: str) -> str:
        """What the fake worker said of a trial."""
        self.wait_for_log(rf"trial {re.escape(name)}: ")
        return re.findall(rf"trial {re.escape(name)}: (.*)", self.log())[-1]

    def control(self) -> Control:
        control = Control(self.control_path)
        self.peers.append(control)
        return control.hello()

    def silent_guest(self, vgpu: Vgpu) -> Guest:
        guest = Guest(vgpu.socket_path)
        self.peers.append(guest)
        return guest

    def guest(self, vgpu: Vgpu) -> Guest:
        return self.silent_guest(vgpu).hello()

    def wait_for_end(self) -> int:
        assert self.process is not None
        return self.process.wait(60)

    def close(self) -> None:
        for peer in self.peers:
            peer.close()
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        remove_folder(self.folder)


@contextlib.contextmanager
def child_process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing until the end of the `with` block."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        try:
            yield process
        finally:
            process.kill()


def identities() -> list[int | None]:
    """As whom the device host is tried: as root also as an ordinary user."""
    return [None, 1000] if os.geteuid() == 0 else [None]


@contextlib.contextmanager
def running_device_host(
    user: int | None = None, orders: str = "ready serve"
) -> Iterator[DeviceHostProcess]:
    """A device host that runs inside the `with` block, its worker following `orders`."""
    host = DeviceHostProcess(user)
    try:
        host.orders.write_text(orders)
        yield host.start()
    finally:
        print(host.log()[-4000:])  # pytest shows it where the test failed
        host.close()
