"""The fixed-size records of a device host's sockets: mirror of native/protocol/records.h.

A unit test compiles that header and compares every offset, size and number with this file. Only
what the command line and the daemon speak is mirrored; guest drivers and workers are native.
"""

from __future__ import annotations

import enum
import struct
from typing import Any, NamedTuple, TypeVar

MAGIC = 0x514C4131
VERSION = 7
RECORD_SIZE = 256
PAYLOAD_SIZE = 240
NAME_SIZE = 64
PEER_ITSELF = (1 << 32) - 1  # as an owner: the user who asks

_HEADER = struct.Struct("=IHHII")
_SHARES = "shares"  # the field of this name holds Shares in every record that has one


class Kind(enum.IntEnum):
    """Kinds of records that a control connection carries."""

    ERROR = 1
    DONE = 2
    CONTROL_HELLO = 16
    CONTROL_WELCOME = 17
    VGPU_CREATE = 18
    VGPU_CREATED = 19
    VGPU_DESTROY = 20
    VGPU_LIST = 21
    VGPU_STATUS = 22
    VGPU_TURNS = 23
    VGPU_RESIZE = 24
    POLICY_SET = 25
    POLICY_GET = 26
    POLICY = 27
    RECEIPT_GET = 28
    RECEIPT = 29
    VGPU_COPIES = 80
    VGPU_SHOW = 81
    VGPU_KERNEL = 82
    VGPU_PROCESS = 83
    VGPU_LEASE = 84
    LEASE_TAKE = 85
    LEASE = 86
    LEASE_END = 87
    VGPU_SUSPEND = 88
    VGPU_RESUME = 89
    VGPU_MOVE = 90
    VGPU_MOVED = 91
    MOVE_RECEIVE = 92
    MOVE_CHANNEL = 93
    TURNS_GET = 100
    TURNS = 101
    QUEUES_GET = 106
    QUEUES = 107


class VgpuFlag(enum.IntFlag):
    """How a vGPU works."""

    STAGED = 1
    STRICT_SYNC = 2
    NO_SPLIT = 4
    LASTING = 8
    MOVABLE = 16


class Protection(enum.IntFlag):
    """What fences a worker in."""

    OWN_USER = 1 << 0
    USER_NAMESPACE = 1 << 1
    NO_NETWORK = 1 << 2
    NO_NEW_PRIVILEGES = 1 << 3
    NO_CAPABILITIES = 1 << 4
    SECCOMP = 1 << 5
    LANDLOCK = 1 << 6
    MOUNT_NAMESPACE = 1 << 7
    MEMORY_CGROUP = 1 << 8
    RESOURCE_LIMITS = 1 << 9
    PROCESS_NAMESPACE = 1 << 10
    MEMORY_WITNESS = 1 << 11


class Error(NamedTuple):
    code: int = 0
    text: bytes = b""


class ControlWelcome(NamedTuple):
    device_memory: int = 0
    reserved_memory: int = 0
    process_id: int = 0
    vgpu_count: int = 0
    device_uuid: bytes = b""
    program_version: bytes = b""
    open_descriptors: int = 0


class Shares(NamedTuple):
    """Part of other records. In hundredths of a percent of one device's time."""

    guarantee: int = 0
    limit: int = 10_000
    weight: int = 1
    priority: int = 0


class VgpuResize(NamedTuple):
    vgpu: int = 0
    shares: Shares = Shares()
    copy_limit: int = 0
    memory_bytes: int = 0


class Policy(NamedTuple):
    kind: int = 0
    averaging: int = 1
    turn_ns: int = 0


class TurnsGet(NamedTuple):
    since_ns: int = 0


class Turns(NamedTuple):
    since_ns: int = 0
    known_since_ns: int = 0
    at_ns: int = 0
    turn_count: int = 0


class VgpuTurns(NamedTuple):
    vgpu: int = 0
    shares: Shares = Shares()
    held_ns: int = 0
    waited_ns: int = 0
    outside_ns: int = 0
    overrun_ns: int = 0
    balance_ns: int = 0
    turns: int = 0
    busy_ns: int = 0
    at_ns: int = 0
    wait_p50_us: int = 0
    wait_p99_us: int = 0
    share_1s: int = 0
    share_10s: int = 0
    share_60s: int = 0
    holds: int = 0


class VgpuCopies(NamedTuple):
    vgpu: int = 0
    limit: int = 0
    copied_bytes: int = 0
    copy_ns: int = 0
    rate_1s: int = 0
    rate_10s: int = 0
    rate_60s: int = 0
    share_10s: int = 0


class Receipt(NamedTuple):
    vgpu: int = 0
    at_ns: int = 0
    alive_ns: int = 0
    covered_ns: int = 0
    start_ns: int = 0
    kernels_ns: int = 0
    copies_ns: int = 0
    others_ns: int = 0
    limit_ns: int = 0
    syncs_ns: int = 0
    round_trips_ns: int = 0
    compiling_ns: int = 0
    syncs: int = 0
    round_trips: int = 0
    builds: int = 0
    held_ns: int = 0
    spared_ns: int = 0
    withheld_ns: int = 0
    waited_ns: int = 0
    limited_ns: int = 0
    turns: int = 0
    processes: int = 0


class VgpuCreate(NamedTuple):
    memory_bytes: int = 0
    flags: int = 0
    kernel_limit_ms: int = 2000
    device_type: int = 0
    shares: Shares = Shares()
    copy_limit: int = 0
    name: bytes = b""
    id_high: int = 0
    id_low: int = 0
    owner_uid: int = PEER_ITSELF


class VgpuCreated(NamedTuple):
    vgpu: int = 0
    memory_bytes: int = 0
    protections: int = 0
    worker_process_id: int = 0
    socket_path: bytes = b""


class VgpuReference(NamedTuple):
    vgpu: int = 0
    id_high: int = 0
    id_low: int = 0


class LeaseTake(NamedTuple):
    vgpu: int = 0
    id_high: int = 0
    id_low: int = 0
    process_id: int = 0


class Lease(NamedTuple):
    vgpu: int = 0
    lease: int = 0
    memory_bytes: int = 0
    protections: int = 0
    worker_process_id: int = 0
    socket_path: bytes = b""


class LeaseReference(NamedTuple):
    vgpu: int = 0
    lease: int = 0


class VgpuLease(NamedTuple):
    vgpu: int = 0
    lease: int = 0
    since_ns: int = 0
    process_id: int = 0
    by_process: int = 0


class VgpuStatus(NamedTuple):
    vgpu: int = 0
    memory_limit: int = 0
    memory_lent: int = 0
    memory_used: int = 0
    witnessed_memory: int = 0
    worker_cpu_ns: int = 0
    kernels: int = 0
    copied_bytes: int = 0
    guest_processes: int = 0
    worker_process_id: int = 0
    owner_uid: int = 0
    protections: int = 0
    flags: int = 0
    kernel_limit_ms: int = 0
    name: bytes = b""
    id_high: int = 0
    id_low: int = 0
    state: int = 0
    leases: int = 0


class VgpuKernel(NamedTuple):
    vgpu: int = 0
    longest_ns: int = 0
    reason: int = 0
    name: bytes = b""


class VgpuProcess(NamedTuple):
    vgpu: int = 0
    memory_lent: int = 0
    memory_used: int = 0
    process_id: int = 0
    connection: int = 0


class Queues(NamedTuple):
    vgpu: int = 0
    at_ns: int = 0
    answer: int = 0
    queue_count: int = 0
    left_out: int = 0


class VgpuQueue(NamedTuple):
    """One of those in the memory that comes with Queues."""

    connection: int = 0
    left_out: int = 0
    queue: int = 0
    flags: int = 0
    outstanding: int = 0
    completed: int = 0
    device_ns: int = 0
    oldest_ns: int = 0


Payload = (
    Error
    | ControlWelcome
    | VgpuResize
    | Policy
    | TurnsGet
    | Turns
    | VgpuTurns
    | VgpuCopies
    | Receipt
    | VgpuCreate
    | VgpuCreated
    | VgpuReference
    | LeaseTake
    | Lease
    | LeaseReference
    | VgpuLease
    | VgpuStatus
    | VgpuKernel
    | VgpuProcess
    | Queues
)
P = TypeVar("P", bound=Payload)

# Native alignment ("@", the default), so that the paddings are those of the C++ compiler.
LAYOUTS: dict[type[Payload], struct.Struct] = {
    Error: struct.Struct("I200s"),
    ControlWelcome: struct.Struct("QQII40s32sI0Q"),
    VgpuResize: struct.Struct("Q4IQQ"),
    Policy: struct.Struct("IIQ"),
    TurnsGet: struct.Struct("Q"),
    Turns: struct.Struct("4Q"),
    VgpuTurns: struct.Struct("Q4I4Qq3Q6I0Q"),
    VgpuCopies: struct.Struct("7QI0Q"),
    Receipt: struct.Struct("22Q"),
    VgpuCreate: struct.Struct(f"QIIQ4IQ{NAME_SIZE}sQQI0Q"),
    VgpuCreated: struct.Struct("QQII108s0Q"),
    VgpuReference: struct.Struct("QQQ"),
    LeaseTake: struct.Struct("QQQI0Q"),
    Lease: struct.Struct("QQQII108s0Q"),
    LeaseReference: struct.Struct("QQ"),
    VgpuLease: struct.Struct("QQQII"),
    VgpuStatus: struct.Struct(f"8Q6I{NAME_SIZE}sQQII"),
    VgpuKernel: struct.Struct(f"QQI{NAME_SIZE}s0Q"),
    VgpuProcess: struct.Struct("QQQII"),
    Queues: struct.Struct("QQIII0Q"),
}

# What lies in the memory that comes with TURNS: vGPU, beginning, end, charged time.
TURN = struct.Struct("4Q")
# And in that which comes with QUEUES: a VgpuQueue.
QUEUE = struct.Struct("4I4Q")
QUEUE_IN_ORDER = 1  # a flag


class Record(NamedTuple):
    """A record as it came: its payload is still bytes."""

    version: int
    kind: int
    sequence: int
    payload: bytes


class MalformedRecord(ValueError):
    """What came is no record of this protocol, of any version."""


def pack(
    kind: Kind, payload: Payload | None = None, *, sequence: int, version: int = VERSION
) -> bytes:
    """The bytes of a record; raises struct.error or ValueError where a value doesn't fit."""
    body = b""
    if payload is not None:
        layout = LAYOUTS[type(payload)]
        values = _flat(payload)
        for value, size in zip(values, field_sizes(type(payload)), strict=True):
            if isinstance(value, bytes) and len(value) >= size:
                raise ValueError(f"a text of {len(value)} bytes where {size - 1} fit")
        body = layout.pack(*values)
    return _HEADER.pack(MAGIC, version, kind, sequence, 0) + body.ljust(PAYLOAD_SIZE, b"\0")


def unpack(data: bytes) -> Record:
    """Take a record apart; raises MalformedRecord. The version is for the caller to judge."""
    if len(data) != RECORD_SIZE:
        raise MalformedRecord(f"a record of {len(data)} bytes instead of {RECORD_SIZE}")
    magic, version, kind, sequence, _ = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise MalformedRecord("a record that doesn't start with Aliquot's mark")
    return Record(version, kind, sequence, data[_HEADER.size :])


def payload_of(record: Record, kind: type[P]) -> P:
    """The payload as one of the classes above; texts end at their first zero byte."""
    values: list[Any] = [
        value.split(b"\0", 1)[0] if isinstance(value, bytes) else value
        for value in LAYOUTS[kind].unpack_from(record.payload)
    ]
    if _SHARES in kind._fields:
        first = kind._fields.index(_SHARES)
        after = first + len(Shares._fields)
        values[first:after] = [Shares(*values[first:after])]
    return kind(*values)


def text_of(field: bytes) -> str:
    """A text field as printable text: what another process wrote must not drive a terminal."""
    text = field.decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def field_names(kind: type[Payload]) -> list[str]:
    """The name of each field, in order; those of the shares with a dot, as C++ names them."""
    names: list[str] = []
    for field in kind._fields:
        within = Shares._fields if field == _SHARES else None
        names += [f"{field}.{name}" for name in within] if within else [field]
    return names


def field_sizes(kind: type[Payload]) -> list[int]:
    """The bytes of each field, in order; the shares count one by one."""
    sizes: list[int] = []
    for count, code in _codes(LAYOUTS[kind].format):
        if code == "s":
            sizes.append(count)
        else:
            sizes.extend([struct.calcsize(code)] * count)
    return sizes


def _flat(payload: Payload) -> list[Any]:
    values: list[Any] = []
    for value in payload:
        values += value if isinstance(value, Shares) else [value]
    return values


def _codes(layout: str) -> list[tuple[int, str]]:
    codes: list[tuple[int, str]] = []
    digits = ""
    for character in layout:
        if character.isdigit():
            digits += character
        else:
            codes.append((int(digits) if digits else 1, character))
            digits = ""
    return [(count, code) for count, code in codes if count]
