"""What `aliquot bench fairness` tries: tenants, what each was promised, and what must hold."""

from __future__ import annotations

import enum
from typing import NamedTuple

from aliquot.model.shares import PolicyKind, Shares

USUAL_KERNEL_US = 500.0
TURN_KERNEL_US = 1_000.0
SHORT_KERNEL_US = 50.0
LONG_KERNEL_US = 20_000.0
HASTY_KERNEL_US = 200.0
GREAT_KERNEL_US = 200_000.0
USUAL_PERIOD_US = 10_000.0
LONG_PERIOD_US = 50_000.0
# A kernel is cut between its work groups of 64: so many are few, or enough for any turn.
FEW_ITEMS = 1_024
MANY_ITEMS = 262_144


class Pattern(enum.Enum):
    """How a tenant launches; the words of the tenant program."""

    SATURATE = "saturate"
    SYNC = "sync"
    GAP = "gap"
    LATENCY = "latency"


class Queue(enum.Enum):
    """The queue of a tenant; the words of the tenant program."""

    IN_ORDER = "in-order"
    OUT_OF_ORDER = "out-of-order"


class Load(NamedTuple):
    """What is measured alone, and is the measure of what a tenant does beside others."""

    kernel_us: float
    items: int
    pattern: Pattern

    def __str__(self) -> str:
        """The load in words, after "kernels"."""
        words = f"of {self.kernel_us / 1000:g} ms"
        if self.items != FEW_ITEMS:
            words += f" and {self.items} items"
        return words + (", one at a time" if self.pattern is Pattern.SYNC else "")


class Tenant(NamedTuple):
    """A tenant: what it asks for, what it does, and the share in percent that it is to get."""

    options: tuple[str, ...]
    expected: float | None = None
    kernel_us: float = USUAL_KERNEL_US
    items: int = FEW_ITEMS  # of each kernel
    pattern: Pattern = Pattern.SATURATE
    period_us: float = USUAL_PERIOD_US  # of one that launches now and then
    queue: Queue = Queue.IN_ORDER
    processes: int = 1  # of its one vGPU, each of which launches so
    memory_parts: int = 0  # of the device's memory, it asks for one of so many; 0: for a little

    @property
    def load(self) -> Load:
        """What it does as far as it matters alone; rests between kernels are no work."""
        rests = self.pattern is not Pattern.SYNC
        return Load(self.kernel_us, self.items, Pattern.SATURATE if rests else Pattern.SYNC)


class Aim(enum.Enum):
    """What a case is to show."""

    SHARES = "shares"  # of all work, as promised
    EQUAL = "equal"  # the same, and Jain's index
    LIMIT = "limit"  # of the time, though nobody else wants the device
    LATENCY = "latency"  # the first tenant waits but little; the others share equally
    RETURN = "return"  # the first has what the second leaves, and gives it back soon
    EACH = "each"  # each near to its share, as a part of that share
    FIXED = "fixed"  # of the time, and what is nobody's stays idle
    RESIZE = "resize"  # as promised before a resize, and soon after it


class Case(NamedTuple):
    """Tenants that run together."""

    name: str
    tenants: tuple[Tenant, ...]
    aim: Aim
    policy: PolicyKind = PolicyKind.BEST_EFFORT
    resized: tuple[Shares, ...] = ()  # what the tenants are promised from halfway on
    least_seconds: float = 0.0  # it runs, however short the form is
    in_short: bool = False  # whether the short form has it, too
    longest_delay_ms: float = 4.0  # from the launch of a single kernel to its end
    delays_judged: float = 0.99  # this part of them
    least_busy: float | None = 0.88  # of what the device does when it is one tenant's
    least_by_time: float | None = None  # the same of the last tenant's own device time

    @property
    def expected_at_last(self) -> list[float]:
        """The shares in percent that the tenants are to get after a resize."""
        return [shares.guarantee / 100 for shares in self.resized]


def _guaranteed(
    percent: float, kernel_us: float = USUAL_KERNEL_US, *, whole: bool = False
) -> Tenant:
    """`whole`: its kernels are never cut into pieces."""
    options = ("--compute", f"{percent:g}", *(("--no-split",) if whole else ()))
    return Tenant(options, percent, kernel_us)


_HASTY = Tenant(("--priority", "latency"), None, HASTY_KERNEL_US, pattern=Pattern.LATENCY)
_GREAT = Tenant((), 100.0, GREAT_KERNEL_US, MANY_ITEMS)
_GREAT_AND_WHOLE = Tenant(("--no-split",), 100.0, GREAT_KERNEL_US)

_IN_SHORT = (
    Case("30-70", (_guaranteed(30), _guaranteed(70)), Aim.SHARES),
    Case("10-90", (_guaranteed(10), _guaranteed(90)), Aim.SHARES),
    Case("50-30-20", (_guaranteed(50), _guaranteed(30), _guaranteed(20)), Aim.SHARES),
    Case("eight-equal", (_guaranteed(12.5),) * 8, Aim.EQUAL),
    Case(
        "unlike-kernels",
        (
            _guaranteed(50, SHORT_KERNEL_US),
            _guaranteed(50, LONG_KERNEL_US, whole=True),
        ),
        Aim.SHARES,
    ),
    Case("limit-25-alone", (Tenant(("--compute-limit", "25"), 25.0),), Aim.LIMIT),
    Case(
        "latency-beside-three",
        (
            _HASTY,
            *(Tenant((), 100 / 3, TURN_KERNEL_US),) * 3,
        ),
        Aim.LATENCY,
    ),
)

# A resize in this order: the first would have no room to grow before the second has shrunk.
_SWAPPED = (Shares(guarantee=4_000), Shares(guarantee=6_000))

_ONLY_IN_FULL = (
    Case("two-equal", (_guaranteed(50),) * 2, Aim.EQUAL),
    Case("four-equal", (_guaranteed(25),) * 4, Aim.EQUAL),
    Case("thirty-two-equal", (Tenant((), 100 / 32),) * 32, Aim.EACH, least_seconds=14.0),
    Case(
        "one-process-beside-16",
        (_guaranteed(50), _guaranteed(50)._replace(processes=16)),
        Aim.SHARES,
    ),
    Case(
        "in-order-beside-out-of-order",
        (_guaranteed(50), _guaranteed(50)._replace(queue=Queue.OUT_OF_ORDER)),
        Aim.SHARES,
    ),
    Case(
        "fixed-share-two-of-four",
        (Tenant((), 25.0, memory_parts=4),) * 2,
        Aim.FIXED,
        policy=PolicyKind.FIXED_SHARE,
    ),
    Case(
        "one-at-a-time-beside-many",
        (_guaranteed(50)._replace(pattern=Pattern.SYNC), _guaranteed(50)),
        Aim.SHARES,
    ),
    Case(
        "one-at-a-time-beside-long",
        (
            _guaranteed(50)._replace(pattern=Pattern.SYNC),
            _guaranteed(50, LONG_KERNEL_US, whole=True),
        ),
        Aim.SHARES,
    ),
    Case(
        "idle-and-back",
        (
            _guaranteed(50),
            _guaranteed(50)._replace(pattern=Pattern.LATENCY, period_us=LONG_PERIOD_US),
        ),
        Aim.RETURN,
        longest_delay_ms=5.0 + USUAL_KERNEL_US / 1000,
    ),
    Case(
        "latency-beside-great-in-pieces",
        (_HASTY, _GREAT),
        Aim.LATENCY,
        longest_delay_ms=6.0,
        least_busy=None,
        least_by_time=0.92,
    ),
    Case(
        "latency-beside-great-and-whole",
        (_HASTY, _GREAT_AND_WHOLE),
        Aim.LATENCY,
        longest_delay_ms=GREAT_KERNEL_US / 1000 + 6.0,
        delays_judged=1.0,
    ),
    Case(
        "short-beside-great-and-whole",
        (
            _guaranteed(50),
            _guaranteed(50, GREAT_KERNEL_US, whole=True),
        ),
        Aim.SHARES,
    ),
    Case("resize-20-to-60", (_guaranteed(80), _guaranteed(20)), Aim.RESIZE, resized=_SWAPPED),
)

CASES = (*(case._replace(in_short=True) for case in _IN_SHORT), *_ONLY_IN_FULL)
