"""`aliquot show`: all about one vGPU."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from aliquot.cli.daemon import connect_if_any
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.vgpu_argument import add_vgpu, found_vgpu
from aliquot.client.device_host import DeviceHost
from aliquot.client.records import VgpuFlag
from aliquot.devices.opencl import discover
from aliquot.diagnosis.trial import protection_names
from aliquot.errors import AliquotError
from aliquot.model.copies import Copies
from aliquot.model.details import GuestProcess, VgpuDetails
from aliquot.model.queues import CommandQueue, QueueClaims, QueuesAnswer
from aliquot.model.shares import Policy, Turns
from aliquot.model.vgpu import MODE_REMOTING, VgpuUsage
from aliquot.shares import format_percent, format_shares
from aliquot.sizes import format_size

_DESCRIPTION = """\
Tells all about one vGPU: its device, what it was promised and by which policy, its
memory, what it had of the device's time and what it owes, its copies, what fences its
worker in, the processes that use it with their command queues, and those of its long
kernels for which others have to wait, because they can't be launched in pieces, each
with its longest time and the reason. What only the worker knows is its claim, and marked so.

Where the daemon listens, it tells first: the vGPU's state and why, what it reserves, its
labels, when it is deleted, its leases and the last events. What is above is told of a vGPU
whose worker runs, where its device host is yours."""

_WIDTH = 14
WORKER_IS_SILENT = "the worker doesn't tell of their command queues"


class Shown(NamedTuple):
    """What there is to tell."""

    details: VgpuDetails
    claims: QueueClaims
    policy: Policy
    device_name: str  # empty: no driver offers it any more


def build_parser() -> Parser:
    """The options of `aliquot show`."""
    parser = Parser(
        "show",
        _DESCRIPTION,
        example="aliquot show train",
        exit_status="0; 2 for an error.",
    )
    add_vgpu(parser)
    add_json(parser, "print JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Show the vGPU."""
    given = build_parser().parse_args(arguments)
    client = connect_if_any()
    if client is not None:
        from aliquot.cli.show_kept import show_kept

        with client:
            show_kept(client, given.vgpu, as_json=given.json)
        return 0
    with found_vgpu(given.vgpu, given.device) as (host, usage):
        shown = measured(host, usage)
    print(json.dumps(as_dict(shown), indent=2) if given.json else "\n".join(lines(shown)))
    return 0


def measured(host: DeviceHost, usage: VgpuUsage) -> Shown:
    """All that a vGPU's device host tells of it."""
    details, claims = host.show_vgpu(usage.id), host.queues(usage.id)
    return Shown(details, claims, host.policy(), _device_name(usage.device_uuid))


def as_dict(shown: Shown) -> dict[str, Any]:
    """What there is to tell, for `--json`."""
    usage, kernels, processes = shown.details
    on, off = protection_names(usage.protections)
    return {
        **usage.as_dict(),
        "device_name": shown.device_name,
        "mode": MODE_REMOTING,
        "policy": shown.policy.as_dict(),
        **{flag.name.lower(): bool(usage.flags & flag) for flag in VgpuFlag if flag.name},
        "protections_on": on,
        "protections_off": off,
        "processes": [
            process._asdict()
            | {"queues": [queue._asdict() for queue in _queues_of(process, shown.claims)]}
            for process in processes
        ],
        "queues_told": shown.claims.answer.word,
        "queues_left_out": shown.claims.left_out,
        "unsplit_kernels": [kernel.as_dict() for kernel in kernels],
    }


def lines(shown: Shown) -> Iterator[str]:
    """What there is to tell, for people."""
    usage, kernels, processes = shown.details
    device = shown.device_name or "no driver offers it any more"
    on, off = protection_names(usage.protections)
    yield f"vGPU {usage.name}, number {usage.id} of user {usage.owner_uid}, mode {MODE_REMOTING}"
    yield _line("device", f"{device} ({usage.device_uuid})")
    yield _line("promise", format_shares(usage.turns.shares) or "what is left over")
    yield _line("policy", _policy(shown.policy))
    yield _line("memory", _memory(usage))
    yield from _times(usage.turns)
    yield from _copies(usage.copies)
    yield _line("kernels", f"{usage.kernels} launched (claim); {_kernel_rules(usage)}")
    worker = f"process {usage.worker_process_id}, {_seconds(usage.worker_cpu_ns)} of processor time"
    yield _line("worker", worker)
    yield _line("fenced in by", ", ".join(on) or "nothing")
    if off:
        yield _line("without", ", ".join(off))
    yield _line("processes", "" if processes else "none")
    for process in processes:
        lent, used = format_size(process.memory_lent), format_size(process.memory_used)
        yield f"  process {process.process_id}: {used} used of {lent} lent"
        left_out = shown.claims.left_out_of.get(process.connection, 0)
        yield from queue_lines(_queues_of(process, shown.claims), left_out)
    if processes and shown.claims.answer is QueuesAnswer.SILENT:
        yield f"  {WORKER_IS_SILENT}"
    yield _line("not in pieces", "(claims)" if kernels else "no kernel for which that mattered")
    for kernel in kernels:
        yield f"  {kernel.name}: {_milliseconds(kernel.longest_ns)}, {kernel.reason.phrase}"


class Queue(Protocol):
    """A command queue, of a device host's answer or of the API's."""

    @property
    def number(self) -> int:
        """Within its process."""
        ...

    @property
    def in_order(self) -> bool:
        """Whether its commands are carried out one after another."""
        ...

    @property
    def outstanding(self) -> int:
        """Commands."""
        ...

    @property
    def completed(self) -> int:
        """Commands."""
        ...

    @property
    def device_ns(self) -> int:
        """That those took."""
        ...

    @property
    def oldest_ns(self) -> int:
        """For how long the first outstanding one has been known."""
        ...


def queue_lines(queues: Iterable[Queue], left_out: int) -> Iterator[str]:
    """The command queues of a process, for people."""
    for queue in queues:
        order = "in order" if queue.in_order else "out of order"
        age = f", the oldest for {_milliseconds(queue.oldest_ns)}" if queue.outstanding else ""
        yield (
            f"    queue {queue.number}, {order}: {queue.outstanding} outstanding{age}; "
            f"{queue.completed} done in {_seconds(queue.device_ns)} (claims)"
        )
    if left_out:
        yield f"    and {left_out} more queues" if left_out > 1 else "    and another queue"


def _queues_of(process: GuestProcess, claims: QueueClaims) -> list[CommandQueue]:
    return [queue for queue in claims.queues if queue.connection == process.connection]


def _device_name(uuid: str) -> str:
    try:
        return next((device.name for device in discover() if device.uuid == uuid), "")
    except AliquotError:  # its driver may have gone meanwhile
        return ""


def _policy(policy: Policy) -> str:
    turn = _milliseconds(policy.turn_ns)
    return f"{policy.kind.word}, turns of {turn}, averaging {policy.averaging}"


def _memory(usage: VgpuUsage) -> str:
    return (
        f"{format_size(usage.memory_used)} used, {format_size(usage.memory_lent)} lent of "
        f"{format_size(usage.memory_limit)}; the worker holds "
        f"{format_size(usage.witnessed_memory)}"
    )


def _times(turns: Turns) -> Iterator[str]:
    shares = (turns.share_1s, turns.share_10s, turns.share_60s)
    told = ", ".join(format_percent(share) for share in shares)
    now = ", has the device now" if turns.holds else ""
    yield _line("device time", f"{told} over 1, 10 and 60 s{now}")
    had = (
        f"{_seconds(turns.held_ns)} in {turns.turns} turns, busy {_seconds(turns.busy_ns)} (claim)"
    )
    yield _line("", f"{had}; waited {_seconds(turns.waited_ns)}")
    yield _line(
        "",
        f"{_milliseconds(turns.overrun_ns)} beyond its turns, "
        f"{_milliseconds(turns.outside_ns)} charged outside of them",
    )
    half, most = turns.wait_p50_us * 1000, turns.wait_p99_us * 1000
    yield _line("waits", f"{_milliseconds(half)} (p50), {_milliseconds(most)} (p99)")
    claim = max(0, turns.balance_ns)
    owes = f"{_milliseconds(turns.debt_ns)}; owed to it are {_milliseconds(claim)}"
    yield _line("debt", owes)


def _copies(copies: Copies) -> Iterator[str]:
    rates = (copies.rate_1s, copies.rate_10s, copies.rate_60s)
    told = ", ".join(f"{format_size(rate)}/s" for rate in rates)
    yield _line("copies", f"{told} over 1, 10 and 60 s (claims)")
    share = f"{format_percent(copies.share_10s)} of all copying over 10 s"
    yield _line("", f"{format_size(copies.copied_bytes)} in {_seconds(copies.copy_ns)}; {share}")
    yield _line("copy limit", f"{format_size(copies.limit)}/s" if copies.limit else "none")


def _kernel_rules(usage: VgpuUsage) -> str:
    limit = usage.kernel_limit_ms
    ended = f"one of more than {limit / 1000:g} s ends the worker" if limit else "no limit"
    split = "never in pieces" if usage.flags & VgpuFlag.NO_SPLIT else "long ones in pieces"
    return f"{split}; {ended}"


def _line(name: str, text: str) -> str:
    return f"{name:<{_WIDTH}}{text}".rstrip()


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e9:.2f} s"


def _milliseconds(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:.2f} ms" if nanoseconds else "0 ms"
