"""Measures all cases: what each kind of tenant does alone, before and after, and all together."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from aliquot.bench.fairness.cases import Aim, Case, Load, Tenant
from aliquot.bench.fairness.control import resize, shared_out_by
from aliquot.bench.fairness.machine import Noise, NoiseMeter
from aliquot.bench.fairness.result import Alone, Outcome, Result
from aliquot.bench.fairness.tenants import Together, calibrate, index_of
from aliquot.bench.fairness.trace import Trace, Work, windows
from aliquot.bench.fairness.verdict import (
    SECOND,
    WARM_UP_NS,
    Moment,
    judge,
    judge_accounts,
    judge_resize,
)
from aliquot.client.device_host import DeviceHost
from aliquot.errors import BenchmarkFailed
from aliquot.model.device import Device
from aliquot.model.shares import PolicyKind

_SLACK_NS = SECOND // 10  # before the end: not all tenants stop at the same moment
_BAND_NS = SECOND // 2

Progress = Callable[[str], None]


class Lengths(NamedTuple):
    """How long is measured, in seconds."""

    alone: float
    together: float


FULL = Lengths(alone=4.0, together=22.0)
SHORT = Lengths(alone=2.5, together=10.0)


class _Raw(NamedTuple):
    """What tenants completed together, before it is known what that is worth."""

    case: Case
    work: Work
    start_ns: int
    resized: Moment | None  # None: nobody was
    accounts: list[float]
    noise: Noise


def measure(
    device: Device,
    cases: Sequence[Case],
    lengths: Lengths,
    *,
    tolerance: float = 1.0,
    progress: Progress = lambda _: None,
) -> Result:
    """Run all cases; takes minutes. Raises BenchmarkFailed where others use the device."""
    with (
        DeviceHost.start_or_join(device) as host,
        tempfile.TemporaryDirectory(prefix="aliquot-fairness-") as folder,
    ):
        _check_that_it_is_ours(host)
        bench = _Bench(device, host, folder, lengths, progress)
        return bench.run(cases, tolerance)


class _Bench:
    def __init__(
        self,
        device: Device,
        host: DeviceHost,
        folder: str,
        lengths: Lengths,
        progress: Progress,
    ) -> None:
        self._device = device
        self._host = host
        self._folder = folder
        self._lengths = lengths
        self._progress = progress
        self._iterations: dict[tuple[float, int], int] = {}

    def run(self, cases: Sequence[Case], tolerance: float) -> Result:
        tenants = [tenant for case in cases for tenant in case.tenants]
        for kernel_us, items in sorted({(one.kernel_us, one.items) for one in tenants}):
            self._progress(f"calibrating kernels of {kernel_us / 1000:g} ms")
            self._iterations[kernel_us, items] = calibrate(self._device, kernel_us, items)
        loads = sorted({one.load for one in tenants}, key=str)
        before = {load: self._rate_alone(load, "before") for load in loads}
        raw = [self._together(case) for case in cases]
        after = {load: self._rate_alone(load, "after") for load in loads}
        alone = [Alone(load, before[load], after[load]) for load in loads]
        each = {one.load: one.seconds_per_kernel for one in alone}
        outcomes = [self._outcome(one, each, tolerance) for one in raw]
        return Result(outcomes, alone, tolerance)

    def _rate_alone(self, load: Load, when: str) -> float:
        self._progress(f"kernels {load} alone, {when} all others")
        tenant = Tenant((), None, load.kernel_us, load.items, load.pattern)
        start, (trace,) = self._run((tenant,), self._lengths.alone)
        end = start + int(self._lengths.alone * SECOND) - _SLACK_NS
        rate = trace.rate(start + SECOND // 2, end)
        if not rate:
            raise BenchmarkFailed("a tenant that was alone completed nothing")
        return rate

    def _run(self, tenants: tuple[Tenant, ...], seconds: float) -> tuple[int, list[Trace]]:
        iterations = [self._iterations[one.kernel_us, one.items] for one in tenants]
        with Together(self._device, tenants, iterations, seconds, self._folder) as running:
            return running.begin(), running.traces()

    def _together(self, case: Case) -> _Raw:
        seconds = self._seconds(case)
        self._progress(f"{case.name}, {seconds:g} s")
        meter = NoiseMeter()
        iterations = [self._iterations[one.kernel_us, one.items] for one in case.tenants]
        resized = None
        with (
            shared_out_by(self._host, case.policy),
            Together(self._device, case.tenants, iterations, seconds, self._folder) as running,
        ):
            start = running.begin()
            _sleep_until(start + WARM_UP_NS)
            first = self._held()
            if case.resized:
                _sleep_until(start + int(seconds * SECOND / 2))
                resized = resize(self._host, case.resized)
            _sleep_until(start + int(seconds * SECOND) - 2 * _SLACK_NS)
            last = self._held()
            traces = running.traces()
        noise = meter.noise()
        accounts = [
            100 * (last[name][0] - held) / max(1, last[name][1] - at) if name in last else 0.0
            for name, (held, at) in sorted(first.items(), key=lambda one: index_of(one[0]))
        ]
        return _Raw(case, Work(traces, [1.0] * len(traces)), start, resized, accounts, noise)

    def _seconds(self, case: Case) -> float:
        return max(self._lengths.together, case.least_seconds)

    def _held(self) -> dict[str, tuple[int, int]]:
        """Device time by the device host's accounts, and when that was so, by name."""
        return {
            usage.name: (usage.turns.held_ns, usage.turns.at_ns)
            for usage in self._host.list_vgpus()
        }

    def _outcome(self, raw: _Raw, each: dict[Load, float], tolerance: float) -> Outcome:
        lengths = [each[tenant.load] for tenant in raw.case.tenants]
        work = Work(raw.work.traces, lengths)
        begin = raw.start_ns + WARM_UP_NS
        end = raw.start_ns + int(self._seconds(raw.case) * SECOND) - _SLACK_NS
        of_time = raw.case.aim in (Aim.LIMIT, Aim.FIXED, Aim.RETURN)
        shares = work.of_time if of_time else work.shares
        every = windows(raw.start_ns, end, _BAND_NS, _BAND_NS)
        bands = [list(band) for band in zip(*(shares(*window) for window in every), strict=True)]
        try:
            if raw.resized:
                checks = judge_resize(raw.case, work, begin, raw.resized, end, tolerance=tolerance)
            else:
                checks = judge(raw.case, work, begin, end, tolerance=tolerance)
            done = work.of_time(begin, end)
            checks += judge_accounts(raw.case, raw.accounts, done, tolerance=tolerance)
        except ValueError as error:
            raise BenchmarkFailed(f"{raw.case.name}: {error}") from error
        return Outcome(raw.case, shares(begin, end), raw.accounts, bands, checks, raw.noise)


def _check_that_it_is_ours(host: DeviceHost) -> None:
    """Nobody else may use the device, and it must be shared out as the cases expect."""
    if host.welcome.vgpu_count:
        raise BenchmarkFailed(
            f"{host.welcome.vgpu_count} vGPUs are in use on the device",
            remedy="end their programs first; 'aliquot vgpus' lists them",
        )
    kind = host.policy().kind
    if kind is not PolicyKind.BEST_EFFORT:
        raise BenchmarkFailed(
            f"the device is shared out by {kind.word}, and guarantees are measured by best-effort",
            remedy="set it with 'aliquot policy DEVICE best-effort'",
        )


def _sleep_until(at_ns: int) -> None:
    time.sleep(max(0.0, (at_ns - time.monotonic_ns()) / 1e9))
