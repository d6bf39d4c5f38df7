"""What one tenant completed, and when."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple


class Trace(NamedTuple):
    """Kernels completed by a time of the monotonic clock, in order; and delays in ns, if any."""

    times_ns: list[int]
    kernels: list[int]
    delays_ns: list[int]

    @classmethod
    def read(cls, lines: Iterable[str]) -> Trace:
        """What the tenant program writes; raises ValueError for anything else."""
        trace = cls([], [], [])
        for line in lines:
            at, kernels, delay = (int(word) for word in line.split())
            trace.times_ns.append(at)
            trace.kernels.append(kernels)
            if delay:
                trace.delays_ns.append(delay)
        if trace.times_ns != sorted(trace.times_ns) or trace.kernels != sorted(trace.kernels):
            raise ValueError("a tenant's counts go back")
        return trace

    @classmethod
    def merged(cls, traces: Sequence[Trace]) -> Trace:
        """What all processes of one tenant completed together."""
        if len(traces) == 1:
            return traces[0]
        steps = sorted(
            (at, done - before)
            for trace in traces
            for at, done, before in zip(
                trace.times_ns, trace.kernels, [0, *trace.kernels], strict=False
            )
        )
        delays = [delay for trace in traces for delay in trace.delays_ns]
        return cls([at for at, _ in steps], list(accumulate(more for _, more in steps)), delays)

    def kernels_at(self, at_ns: float, seconds_per_kernel: float) -> float:
        """Kernels completed by a time, with the part of those that were under way.

        What ended between two lines ran just before the later one, for as long as it takes alone:
        a line says when work ended, and the tenant may have had nothing of the device for a while
        before that.
        """
        after = bisect_left(self.times_ns, at_ns)
        if after == len(self.times_ns):
            return self.kernels[-1] if self.kernels else 0
        if after == 0:
            return self.kernels[0]
        before, end = self.kernels[after - 1], self.times_ns[after]
        more = self.kernels[after] - before
        took = min(end - self.times_ns[after - 1], more * seconds_per_kernel * 1e9)
        if took <= 0:
            return before
        return before + more * min(1.0, max(0.0, 1 - (end - at_ns) / took))

    def rate(self, begin_ns: float, end_ns: float) -> float:
        """Kernels a second between two times, by the lines nearest to them."""
        first = bisect_left(self.times_ns, begin_ns)
        last = bisect_left(self.times_ns, end_ns) - 1
        if last <= first:
            return 0.0
        done = self.kernels[last] - self.kernels[first]
        return done / ((self.times_ns[last] - self.times_ns[first]) / 1e9)


class Work(NamedTuple):
    """The traces of tenants that ran together, and what a kernel of each takes alone."""

    traces: Sequence[Trace]
    seconds_per_kernel: Sequence[float]

    def between(self, begin_ns: float, end_ns: float) -> list[float]:
        """The work of each tenant, in seconds of the device alone."""
        return [
            (trace.kernels_at(end_ns, each) - trace.kernels_at(begin_ns, each)) * each
            for trace, each in zip(self.traces, self.seconds_per_kernel, strict=True)
        ]

    def shares(self, begin_ns: float, end_ns: float) -> list[float]:
        """The part of each tenant in all work, in percent."""
        done = self.between(begin_ns, end_ns)
        total = sum(done)
        return [100 * one / total if total else 0.0 for one in done]

    def of_time(self, begin_ns: float, end_ns: float) -> list[float]:
        """The work of each tenant in percent of the time itself."""
        seconds = (end_ns - begin_ns) / 1e9
        return [100 * one / seconds for one in self.between(begin_ns, end_ns)]


def windows(begin_ns: int, end_ns: int, length_ns: int, step_ns: int) -> list[tuple[int, int]]:
    """All windows of this length between two times, each a step after the one before."""
    return [
        (first, first + length_ns) for first in range(begin_ns, end_ns - length_ns + 1, step_ns)
    ]
