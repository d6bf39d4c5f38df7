"""Shares of a device's time: what a vGPU was promised, how a device shares out, what came of it.

Shares are whole numbers, in hundredths of a percent of one device, as device hosts count them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple

WHOLE = 10_000
MOST_WEIGHT = 1_000
SHORTEST_TURN_NS = 1_000_000
LONGEST_TURN_NS = 30_000_000
MOST_AVERAGING = 60
MOST_BESIDE = 10_000


class PriorityClass(IntEnum):
    """Priority classes, by the number that device hosts give them."""

    NORMAL = 0
    LATENCY = 1
    BATCH = 2

    @property
    def word(self) -> str:
        """The class as people write it."""
        return self.name.lower()


# By two classes: so many of the second may be on a device beside one of the first. Where it isn't
# told, any number may. (latency, latency): 1 lets two of them share a device, (latency, batch): 0
# none of the two, by the word of whoever is there as of whoever comes.
PriorityMix = Mapping[tuple[PriorityClass, PriorityClass], int]


class Shares(NamedTuple):
    """What a vGPU was promised of its device's time."""

    guarantee: int = 0
    limit: int = WHOLE
    weight: int = 1
    priority: PriorityClass = PriorityClass.NORMAL

    def as_dict(self) -> dict[str, Any]:
        """The shares for `--json`, in percent."""
        return {
            "compute": self.guarantee / 100,
            "compute_limit": self.limit / 100,
            "weight": self.weight,
            "priority": self.priority.word,
        }


class PolicyKind(IntEnum):
    """How a device's time is shared out, by the number that device hosts give it."""

    BEST_EFFORT = 0
    EQUAL_SHARE = 1
    FIXED_SHARE = 2

    @property
    def word(self) -> str:
        """The policy as people write it."""
        return self.name.lower().replace("_", "-")


class Policy(NamedTuple):
    """How a device's time is shared out; a turn of 0 ns is for the device host to choose."""

    kind: PolicyKind = PolicyKind.BEST_EFFORT
    turn_ns: int = 0
    averaging: int = 1

    def as_dict(self) -> dict[str, Any]:
        """The policy for `--json`."""
        return {
            "policy": self.kind.word,
            "turn_ms": self.turn_ns / 1e6,
            "averaging": self.averaging,
        }


class Turns(NamedTuple):
    """What a vGPU has had of its device's time; times in nanoseconds, waits in microseconds.

    `busy_ns` is the worker's claim; a negative balance is the vGPU's debt.
    """

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

    @property
    def debt_ns(self) -> int:
        """The device time that the vGPU owes to others."""
        return max(0, -self.balance_ns)

    def as_dict(self) -> dict[str, Any]:
        """The turns for `--json`, shares in percent."""
        return {
            **self.shares.as_dict(),
            **{name: value for name, value in self._asdict().items() if name != "shares"},
            "debt_ns": self.debt_ns,
            "share_1s": self.share_1s / 100,
            "share_10s": self.share_10s / 100,
            "share_60s": self.share_60s / 100,
        }
