"""What `aliquot bench fairness` tries: tenants, what each was promised, and what must hold."""

from __future__ import annotations

import enum
from typing import NamedTuple

USUAL_KERNEL_US = 500.0
TURN_KERNEL_US = 1_000.0
SHORT_KERNEL_US = 50.0
LONG_KERNEL_US = 20_000.0
HASTY_KERNEL_US = 200.0
LATENCY_PERIOD_US = 10_000.0


class Pattern(enum.Enum):
    """How a tenant launches; the words of the tenant program."""

    SATURATE = "saturate"
    SYNC = "sync"
    GAP = "gap"
    LATENCY = "latency"


class Tenant(NamedTuple):
    """A tenant: what it asks for, what it does, and the share in percent that it is to get."""

    options: tuple[str, ...]
    expected: float | None = None
    kernel_us: float = USUAL_KERNEL_US
    pattern: Pattern = Pattern.SATURATE


class Aim(enum.Enum):
    """What a case is to show."""

    SHARES = "shares"  # of all work, as promised
    EQUAL = "equal"  # the same, and Jain's index
    LIMIT = "limit"  # of the time, though nobody else wants the device
    LATENCY = "latency"  # the first tenant waits but little; the others share equally


class Case(NamedTuple):
    """Tenants that run together."""

    name: str
    tenants: tuple[Tenant, ...]
    aim: Aim


def _guaranteed(percent: float, kernel_us: float = USUAL_KERNEL_US) -> Tenant:
    return Tenant(("--compute", f"{percent:g}"), percent, kernel_us)


CASES = (
    Case("30-70", (_guaranteed(30), _guaranteed(70)), Aim.SHARES),
    Case("10-90", (_guaranteed(10), _guaranteed(90)), Aim.SHARES),
    Case("50-30-20", (_guaranteed(50), _guaranteed(30), _guaranteed(20)), Aim.SHARES),
    Case("eight-equal", (_guaranteed(12.5),) * 8, Aim.EQUAL),
    Case(
        "unlike-kernels",
        (
            _guaranteed(50, SHORT_KERNEL_US),
            Tenant(("--compute", "50", "--no-split"), 50, LONG_KERNEL_US),
        ),
        Aim.SHARES,
    ),
    Case("limit-25-alone", (Tenant(("--compute-limit", "25"), 25.0),), Aim.LIMIT),
    Case(
        "latency-beside-three",
        (
            Tenant(("--priority", "latency"), None, HASTY_KERNEL_US, Pattern.LATENCY),
            *(Tenant((), 100 / 3, TURN_KERNEL_US),) * 3,
        ),
        Aim.LATENCY,
    ),
)
