"""What no policy can exceed in the simulations, by the linear program of bound.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import fmean

from aliquot.placement.engine import Request
from aliquot.placement.simulation.arrivals import arrivals
from aliquot.placement.simulation.bound import upper_bound
from aliquot.placement.simulation.departures import LOADS
from aliquot.placement.simulation.replay import Workload
from aliquot.placement.simulation.report import PERCENTS, Outcome

_STEP = 5  # percent of load


def bound_of_replays(work: Workload, seeds: Sequence[int]) -> Outcome:
    """The mean over the seeds of what all pods that came so far could be given at best."""
    found: dict[str, list[float]] = {str(percent): [] for percent in PERCENTS}
    for seed in seeds:
        for percent, requests in _asked(work, seed):
            bound = upper_bound(work.nodes, requests)
            found[str(percent)].append(100 * bound / work.capacity)
    return Outcome(
        allocated={percent: fmean(values) for percent, values in found.items()},
        seeds={str(seed): value for seed, value in zip(seeds, found["100"], strict=True)},
    )


def bound_of_departures(work: Workload) -> Outcome:
    """Of those who would be there if none were refused, in the mean.

    The program's optimum is concave in what is asked for: that of the mean is at least the mean.
    """
    asked = sum(pod.request.total for pod in work.pods)
    first, last = (round(100 * load) for load in LOADS)
    counts = Counter(pod.request for pod in work.pods)

    def at_load(load: float) -> float:
        often = load / 100 * work.capacity / asked
        requests = {request: often * count for request, count in counts.items()}
        return 100 * upper_bound(work.nodes, requests) / work.capacity

    # In the middle of its step, what is concave is at least its mean over the step.
    mean = fmean(at_load(load + _STEP / 2) for load in range(first, last, _STEP))
    loads = {str(load): at_load(load) for load in range(first, last + 1, _STEP)}
    return Outcome(allocated={"mean": mean, **loads})


def _asked(work: Workload, seed: int) -> Iterator[tuple[int, Counter[Request]]]:
    """By percent of the devices, what was asked for up to half a percent beyond it."""
    requests: Counter[Request] = Counter()
    asked = 0
    percents = list(PERCENTS)
    for pod in arrivals(work.nodes, work.pods, seed).pods:
        asked += pod.request.total
        while percents and 100 * asked > (percents[0] + 0.5) * work.capacity:
            yield percents.pop(0), requests.copy()
        requests[pod.request] += 1
    for percent in percents:
        yield percent, requests
