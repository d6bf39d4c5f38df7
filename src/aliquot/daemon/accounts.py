"""What a vGPU had in a second: the difference of what its device host told twice."""

from __future__ import annotations

from typing import NamedTuple

from aliquot.model.vgpu import VgpuUsage

_SHORTEST_NS = 50_000_000  # of a shorter stretch rates say nothing


class Account(NamedTuple):
    """A vGPU at its last look, with sums that only ever grow: times in nanoseconds."""

    at_ns: int
    consumed_ns: int
    waited_ns: int
    copied_bytes: int
    errors: int
    values: dict[str, float]


def opened(usage: VgpuUsage, errors: int) -> Account:
    """The account of a vGPU that is seen for the first time: nothing is known of its rates."""
    turns = usage.turns
    return Account(
        turns.at_ns, max(0, turns.held_ns), turns.waited_ns, usage.copied_bytes, errors, values={}
    )


def advanced(before: Account, usage: VgpuUsage, errors: int) -> Account:
    """The account now, `errors` in all, with the rates since the look before.

    The very same one where nothing new was told.
    """
    turns = usage.turns
    passed = turns.at_ns - before.at_ns
    if passed < _SHORTEST_NS:
        return before
    # A turn that ends is charged less than it took, and then the sums seem to go back.
    consumed = max(before.consumed_ns, turns.held_ns)
    waited = max(before.waited_ns, turns.waited_ns)
    copied = max(before.copied_bytes, usage.copied_bytes)
    seconds = passed / 1e9
    values = {
        "granted": turns.shares.guarantee / 100,
        "consumed": min(100.0, 100 * (consumed - before.consumed_ns) / passed),
        "waiting": min(100.0, 100 * (waited - before.waited_ns) / passed),
        "memory_used": float(usage.memory_used),
        "copied": (copied - before.copied_bytes) / seconds,
        "errors": max(0, errors - before.errors) / seconds,
        "debt": turns.debt_ns / 1e6,
    }
    return Account(turns.at_ns, consumed, waited, copied, errors, values)
