"""How `aliquot show` tells what a device host told."""

from __future__ import annotations

from aliquot.cli import show
from aliquot.client.records import Protection, VgpuFlag
from aliquot.model.copies import Copies
from aliquot.model.details import GuestProcess, UnsplitKernel, UnsplitReason, VgpuDetails
from aliquot.model.queues import CommandQueue, QueueClaims, QueuesAnswer
from aliquot.model.shares import Policy, Shares, Turns
from aliquot.model.vgpu import VgpuUsage

IDLE = VgpuUsage(
    id=3,
    name="idle",
    device_uuid="1dfb2ed7",
    memory_limit=1 << 30,
    memory_lent=0,
    memory_used=0,
    witnessed_memory=20 << 20,
    worker_cpu_ns=0,
    kernels=0,
    copied_bytes=0,
    guest_processes=0,
    worker_process_id=17,
    owner_uid=1000,
    protections=0,
    flags=0,
    kernel_limit_ms=0,
)
BUSY = IDLE._replace(
    name="busy",
    memory_lent=3 << 20,
    memory_used=2 << 20,
    protections=Protection.SECCOMP | Protection.NO_NETWORK,
    flags=VgpuFlag.NO_SPLIT,
    kernel_limit_ms=2500,
    turns=Turns(
        Shares(2500, 4000),
        held_ns=1_500_000_000,
        balance_ns=-2_500_000,
        turns=700,
        share_1s=2512,
        holds=1,
    ),
    copies=Copies(5 << 20, 1 << 30, 250_000_000, 4 << 20, 3 << 20, 2 << 20, 6600),
)
KERNELS = [
    UnsplitKernel("histogram", 12_345_678, UnsplitReason.ATOMICS),
    UnsplitKernel("scan", 5_000_000, UnsplitReason.TIMED),
]


def told(usage: VgpuUsage, *, name: str = "A device") -> str:
    details = VgpuDetails(usage, [], [])
    shown = show.Shown(details, QueueClaims(), Policy(turn_ns=2_000_000), name)
    return "\n".join(show.lines(shown))


def test_a_vgpu_that_does_nothing() -> None:
    text = told(IDLE)
    assert text.startswith("vGPU idle, number 3 of user 1000, mode remoting\n")
    for line in (
        "device        A device (1dfb2ed7)",
        "promise       what is left over",
        "policy        best-effort, turns of 2.00 ms, averaging 1",
        "memory        0 B used, 0 B lent of 1 GiB; the worker holds 20 MiB",
        "debt          0 ms; owed to it are 0 ms",
        "copy limit    none",
        "kernels       0 launched (claim); long ones in pieces; no limit",
        "fenced in by  nothing",
        "processes     none",
        "not in pieces no kernel for which that mattered",
    ):
        assert line in text.splitlines(), line
    assert "no driver offers it any more" in told(IDLE, name="")


def test_a_vgpu_at_work() -> None:
    details = VgpuDetails(BUSY, KERNELS, [GuestProcess(4711, 1, 3 << 20, 2 << 20)])
    claims = QueueClaims(
        answer=QueuesAnswer.TOLD,
        queues=[
            CommandQueue(1, 1, True, 3, 40, 1_500_000_000, 2_500_000),
            CommandQueue(1, 2, False, 0, 7, 0, 0),
            CommandQueue(9, 1, True, 1, 1, 1, 1),
        ],
        left_out=5,
        left_out_of={1: 5, 9: 0},
    )
    lines = list(show.lines(show.Shown(details, claims, Policy(), "A device")))
    for line in (
        "promise       25 to 40 % of its time",
        "device time   25.12 %, 0 %, 0 % over 1, 10 and 60 s, has the device now",
        "debt          2.50 ms; owed to it are 0 ms",
        "copies        4 MiB/s, 3 MiB/s, 2 MiB/s over 1, 10 and 60 s (claims)",
        "              1 GiB in 0.25 s; 66 % of all copying over 10 s",
        "copy limit    5 MiB/s",
        "fenced in by  no network, a filter of system calls (seccomp)",
        "  process 4711: 2 MiB used of 3 MiB lent",
        "    queue 1, in order: 3 outstanding, the oldest for 2.50 ms; 40 done in 1.50 s (claims)",
        "    queue 2, out of order: 0 outstanding; 7 done in 0.00 s (claims)",
        "    and 5 more queues",
        "  histogram: 12.35 ms, its source has atomics or volatile: groups could wait for one "
        "another",
    ):
        assert line in lines, line
    assert lines.index("not in pieces (claims)") == len(lines) - 3
    (kernels,) = [line for line in lines if line.startswith("kernels ")]
    assert "never in pieces; one of more than 2.5 s ends the worker" in kernels


def test_every_reason_has_a_phrase_of_its_own() -> None:
    phrases = [reason.phrase for reason in UnsplitReason]
    assert len(set(phrases)) == len(phrases)
    assert all(phrases)


def test_json() -> None:
    details = VgpuDetails(BUSY, KERNELS, [])
    told = show.as_dict(show.Shown(details, QueueClaims(), Policy(), "A device"))
    assert (told["queues_told"], told["queues_left_out"]) == ("no-worker", 0)
    assert told["copies"]["share_10s"] == 66.0
    assert (told["no_split"], told["staged"]) == (True, False)
    assert [kernel["reason"] for kernel in told["unsplit_kernels"]] == ["atomics", "timed"]
    assert "flags" not in told


def test_a_worker_that_is_silent() -> None:
    details = VgpuDetails(BUSY, [], [GuestProcess(4711, 1, 0, 0)])
    claims = QueueClaims(answer=QueuesAnswer.SILENT)
    lines = list(show.lines(show.Shown(details, claims, Policy(), "A device")))
    assert "  the worker doesn't tell of their command queues" in lines
