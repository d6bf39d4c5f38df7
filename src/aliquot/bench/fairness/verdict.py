"""What must hold of tenants that ran together, and whether it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from aliquot.bench.fairness.cases import Aim, Case
from aliquot.bench.fairness.checks import Check, Tolerance, jain, percentile
from aliquot.bench.fairness.trace import Trace, Work, windows

SECOND = 1_000_000_000
WARM_UP_NS = 2 * SECOND
STEP_NS = SECOND // 10

# In points of percent, and parts of 1.
USUAL_POINTS = 1.0  # 95 of 100 windows of a second
MOST_POINTS = 2.0  # any window of a second
LONG_POINTS = 0.6  # any window of five seconds
ACCOUNT_POINTS = 0.3  # of the device time that the device host counts, from the second second on
IDLE_POINTS = 1.0  # of the time that is nobody's, all in all
EACH_PERCENT = 5.0  # of its share, each of many equal tenants over ten seconds
RESIZE_NS = SECOND // 10  # until a resize holds
# The first fifth of a second after that: a turn and a kernel at each edge are two points already.
FIRST_NS = SECOND // 5
FIRST_POINTS = 4.0
LEAST_JAIN = 0.999
# Of a tenant that returns: so long it may take until others have what it leaves.
LEFT_MS = 2.0
# A kernel that is longer than a turn can't be interrupted: so much more for each ms that it takes.
TURN_MS = 2.0
POINTS_A_MS = 0.1


class Moment(NamedTuple):
    """When something began and was done, ns of the monotonic clock."""

    began_ns: int
    done_ns: int


def judge(
    case: Case,
    work: Work,
    begin_ns: int,
    end_ns: int,
    *,
    tolerance: float = 1.0,
) -> list[Check]:
    """Hold what tenants completed between two times against what they were promised."""
    wider = Tolerance(tolerance)
    if case.aim is Aim.LIMIT:
        return _points(case, work.of_time, begin_ns, end_ns, wider)
    if case.aim is Aim.FIXED:
        points = _points(case, work.of_time, begin_ns, end_ns, wider)
        return [_idle(case, work, begin_ns, end_ns, wider), *points]
    if case.aim is Aim.RETURN:
        return [_delay(case, work.traces[1], wider), _left(case, work, begin_ns, end_ns, wider)]
    checks: list[Check] = []
    if case.least_busy is not None:
        busy = sum(work.between(begin_ns, end_ns)) / ((end_ns - begin_ns) / SECOND)
        least = wider.least(case.least_busy)
        checks.append(Check("device kept busy", busy, least, "of alone", at_most=False))
    if case.aim is Aim.LATENCY:
        others = Work(work.traces[1:], work.seconds_per_kernel[1:])
        checks.append(_delay(case, work.traces[0], wider))
        if len(others.traces) == 1:
            return checks
        case = case._replace(tenants=case.tenants[1:])
        return checks + _points(case, others.shares, begin_ns, end_ns, wider)
    if case.aim is Aim.EACH:
        return [*checks, _each(case, work, begin_ns, end_ns, wider)]
    if case.aim is Aim.EQUAL:
        index = jain(work.between(begin_ns, end_ns))
        checks.append(Check("Jain's index", index, wider.least(LEAST_JAIN), "", at_most=False))
    return checks + _points(case, work.shares, begin_ns, end_ns, wider)


def judge_resize(
    case: Case,
    work: Work,
    begin_ns: int,
    resized: Moment,
    end_ns: int,
    *,
    tolerance: float = 1.0,
) -> list[Check]:
    """Hold tenants against their shares until a resize, and against others soon after it."""
    wider = Tolerance(tolerance)
    before = [tenant.expected or 0.0 for tenant in case.tenants]
    after = case.expected_at_last
    holds_ns = resized.done_ns + RESIZE_NS
    first = _off(work.shares(holds_ns, holds_ns + FIRST_NS), after)
    return [
        *(
            Check(f"1 s, all windows {when}", worst, wider.most(MOST_POINTS), "points off")
            for when, worst in (
                ("before", _worst(work, before, begin_ns, resized.began_ns, SECOND)),
                ("100 ms after", _worst(work, after, holds_ns, end_ns, SECOND)),
            )
        ),
        Check("0.2 s, 100 ms after", first, wider.most(FIRST_POINTS), "points off"),
    ]


def judge_accounts(
    case: Case,
    accounts: Sequence[float],
    of_time: Sequence[float],
    *,
    tolerance: float = 1.0,
) -> list[Check]:
    """Hold the device host's own accounts against what was promised, and against what was done.

    What no tenant is charged for (handing over, what the operating system withheld) is nobody's,
    so the rest is taken as the whole. Of a limit and of single kernels accounts say nothing.
    `of_time`: the work of each tenant in percent of the time.
    """
    whole = sum(accounts)
    if not whole:
        return []
    wider = Tolerance(tolerance)
    checks: list[Check] = []
    if case.aim in (Aim.SHARES, Aim.EQUAL):
        off = max(
            abs(100 * account / whole - (tenant.expected or 0.0))
            for account, tenant in zip(accounts, case.tenants, strict=True)
        )
        bar = wider.most(ACCOUNT_POINTS)
        checks.append(Check("device time by the accounts", off, bar, "points off"))
    if case.least_by_time is not None and accounts[-1]:
        did, bar = of_time[-1] / accounts[-1], wider.least(case.least_by_time)
        checks.append(Check("work in its device time", did, bar, "of alone", at_most=False))
    return checks


def _idle(case: Case, work: Work, begin_ns: int, end_ns: int, wider: Tolerance) -> Check:
    """What is nobody's stays nobody's: how far the idle time is from it."""
    nobodys = 100 - sum(tenant.expected or 0.0 for tenant in case.tenants)
    idle = 100 - sum(work.of_time(begin_ns, end_ns))
    return Check("idle time", abs(idle - nobodys), wider.most(IDLE_POINTS), "points off")


def _delay(case: Case, trace: Trace, wider: Tolerance) -> Check:
    """How long single kernels took from their launch to their end."""
    delay = percentile(delays_ms(trace), case.delays_judged)
    which = f"{case.delays_judged * 100:g} of 100" if case.delays_judged < 1 else "the longest"
    return Check(f"delay, {which}", delay, wider.most(case.longest_delay_ms), "ms")


def _left(case: Case, work: Work, begin_ns: int, end_ns: int, wider: Tolerance) -> Check:
    """What the first tenant has of the time, against what the second leaves it."""
    returning = case.tenants[1]
    away_ms = returning.period_us / 1000
    least = 1 - (returning.kernel_us / 1000 + LEFT_MS) / away_ms
    had = work.of_time(begin_ns, end_ns)[0] / 100
    return Check("idle time in use", had, wider.least(least), "of alone", at_most=False)


def _each(case: Case, work: Work, begin_ns: int, end_ns: int, wider: Tolerance) -> Check:
    """How far tenants are from their shares over ten seconds, in percent of those; the worst."""
    found = [
        100 * abs(got / tenant.expected - 1)
        for window in windows(begin_ns, end_ns, 10 * SECOND, STEP_NS)
        for got, tenant in zip(work.shares(*window), case.tenants, strict=True)
        if tenant.expected
    ]
    if not found:
        raise ValueError("the tenants ran for less than the longest window")
    return Check("10 s, each of its share", max(found), wider.most(EACH_PERCENT), "% off")


def _off(shares: Sequence[float], expected: Sequence[float]) -> float:
    """How far the worst of some shares is off."""
    return max(abs(got - wanted) for got, wanted in zip(shares, expected, strict=True))


def _worst(
    work: Work, expected: Sequence[float], begin_ns: int, end_ns: int, length_ns: int
) -> float:
    """How far the worst share is off in the worst of all windows of a length."""
    found = [
        _off(work.shares(*window), expected)
        for window in windows(begin_ns, end_ns, length_ns, STEP_NS)
    ]
    if not found:
        raise ValueError("the tenants ran for less than a window")
    return max(found)


def _points(
    case: Case,
    shares: Callable[[float, float], list[float]],
    begin_ns: int,
    end_ns: int,
    wider: Tolerance,
) -> list[Check]:
    """How far shares are from those expected, by windows; of all tenants the worst."""
    expected = [tenant.expected or 0.0 for tenant in case.tenants]

    def off(seconds: int) -> list[list[float]]:
        """For each tenant how far it is off in each window."""
        found = [
            [abs(got - wanted) for got, wanted in zip(shares(*window), expected, strict=True)]
            for window in windows(begin_ns, end_ns, seconds * SECOND, STEP_NS)
        ]
        return [list(one) for one in zip(*found, strict=True)]

    short, long = off(1), off(5)
    if not short or not long:
        raise ValueError("the tenants ran for less than the longest window")
    usual = max(percentile(one, 0.95) for one in short)
    longest_ms = max(tenant.kernel_us for tenant in case.tenants) / 1000
    more = POINTS_A_MS * longest_ms if longest_ms > TURN_MS else 0.0
    bars = [
        wider.most(points + more / seconds)
        for points, seconds in ((USUAL_POINTS, 1), (MOST_POINTS, 1), (LONG_POINTS, 5))
    ]
    return [
        Check("1 s, 95 of 100 windows", usual, bars[0], "points off"),
        Check("1 s, all windows", max(map(max, short)), bars[1], "points off"),
        Check("5 s, all windows", max(map(max, long)), bars[2], "points off"),
    ]


def delays_ms(trace: Trace) -> list[float]:
    """How long each single kernel took from its launch to its end."""
    delays = [delay / 1e6 for delay in trace.delays_ns]
    if not delays:
        raise ValueError("the tenant that was to measure delays wrote none")
    return delays
