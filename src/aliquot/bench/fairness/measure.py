"""Measures all cases: what each kind of tenant does alone, before and after, and all together."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from aliquot.bench.fairness.cases import Aim, Case, Tenant
from aliquot.bench.fairness.control import resize, shared_out_by
from aliquot.bench.fairness.machine import Noise, NoiseMeter
from aliquot.bench.fairness.tenants import Together, calibrate
from aliquot.bench.fairness.trace import Trace, Work, windows
from aliquot.bench.fairness.verdict import (
    SECOND,
    WARM_UP_NS,
    Check,
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


class Outcome(NamedTuple):
    """What came of one case. Shares are in percent, as they are to be seen in the picture."""

    case: Case
    shares: list[float]
    accounts: list[float]  # what the device host says of the same time
    bands: list[list[float]]  # a list a tenant, each half second
    checks: list[Check]
    noise: Noise

    @property
    def missed(self) -> list[Check]:
        """The promises that were not kept."""
        return [check for check in self.checks if not check.holds]

    def as_dict(self) -> dict[str, Any]:
        """The outcome for `--json`."""
        return {
            "case": self.case.name,
            "holds": not self.missed,
            "expected": [tenant.expected for tenant in self.case.tenants],
            "shares": self.shares,
            "accounts": self.accounts,
            "checks": [check.as_dict() for check in self.checks],
            **self.noise.as_dict(),
        }


class Alone(NamedTuple):
    """Kernels a second of one length, on the device alone, before all cases and after them."""

    kernel_us: float
    before: float
    after: float

    @property
    def seconds_per_kernel(self) -> float:
        """What a kernel takes alone."""
        return 2 / (self.before + self.after)


class Result(NamedTuple):
    """The whole result."""

    outcomes: list[Outcome]
    alone: list[Alone]
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        return not any(outcome.missed for outcome in self.outcomes)

    def as_dict(self) -> dict[str, Any]:
        """The result for `--json`."""
        return {
            "holds": self.holds,
            "tolerance": self.tolerance,
            "alone": [one._asdict() for one in self.alone],
            "cases": [outcome.as_dict() for outcome in self.outcomes],
        }


class _Raw(NamedTuple):
    """What tenants completed together, before it is known what that is worth."""

    case: Case
    work: Work
    start_ns: int
    resized_ns: int  # 0: nobody was resized
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
        self._iterations: dict[float, int] = {}

    def run(self, cases: Sequence[Case], tolerance: float) -> Result:
        kinds = sorted({tenant.kernel_us for case in cases for tenant in case.tenants})
        for kernel_us in kinds:
            self._progress(f"calibrating kernels of {kernel_us / 1000:g} ms")
            self._iterations[kernel_us] = calibrate(self._device, kernel_us)
        before = {kernel_us: self._rate_alone(kernel_us, "before") for kernel_us in kinds}
        raw = [self._together(case) for case in cases]
        after = {kernel_us: self._rate_alone(kernel_us, "after") for kernel_us in kinds}
        alone = [Alone(kind, before[kind], after[kind]) for kind in kinds]
        each = {one.kernel_us: one.seconds_per_kernel for one in alone}
        outcomes = [self._outcome(one, each, tolerance) for one in raw]
        return Result(outcomes, alone, tolerance)

    def _rate_alone(self, kernel_us: float, when: str) -> float:
        self._progress(f"kernels of {kernel_us / 1000:g} ms alone, {when} all others")
        start, (trace,) = self._run((Tenant((), None, kernel_us),), self._lengths.alone)
        end = start + int(self._lengths.alone * SECOND) - _SLACK_NS
        rate = trace.rate(start + SECOND // 2, end)
        if not rate:
            raise BenchmarkFailed("a tenant that was alone completed nothing")
        return rate

    def _run(self, tenants: tuple[Tenant, ...], seconds: float) -> tuple[int, list[Trace]]:
        iterations = [self._iterations[tenant.kernel_us] for tenant in tenants]
        with Together(self._device, tenants, iterations, seconds, self._folder) as running:
            return running.begin(), running.traces()

    def _together(self, case: Case) -> _Raw:
        seconds = self._seconds(case)
        self._progress(f"{case.name}, {seconds:g} s")
        meter = NoiseMeter()
        iterations = [self._iterations[tenant.kernel_us] for tenant in case.tenants]
        resized = 0
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
            for name, (held, at) in sorted(first.items())
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

    def _outcome(self, raw: _Raw, each: dict[float, float], tolerance: float) -> Outcome:
        lengths = [each[tenant.kernel_us] for tenant in raw.case.tenants]
        work = Work(raw.work.traces, lengths)
        begin = raw.start_ns + WARM_UP_NS
        end = raw.start_ns + int(self._seconds(raw.case) * SECOND) - _SLACK_NS
        shares = work.of_time if raw.case.aim in (Aim.LIMIT, Aim.FIXED) else work.shares
        every = windows(raw.start_ns, end, _BAND_NS, _BAND_NS)
        bands = [list(band) for band in zip(*(shares(*window) for window in every), strict=True)]
        try:
            if raw.case.resized:
                resized = raw.resized_ns
                checks = judge_resize(raw.case, work, begin, resized, end, tolerance=tolerance)
            else:
                checks = judge(raw.case, work, begin, end, tolerance=tolerance)
            checks += judge_accounts(raw.case, raw.accounts, tolerance=tolerance)
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
