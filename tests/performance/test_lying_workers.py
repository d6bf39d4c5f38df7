"""Workers that lie about the device time they had: how soon they are stopped, and at whose cost."""

from __future__ import annotations

import re
import time
from typing import NamedTuple

import pytest

from tests.contract.device_host_process import MIB, Control, DeviceHostProcess, running_device_host
from tests.quiet import Quiet

pytestmark = pytest.mark.performance

_NEIGHBOURS = 3
_QUARTER = (2500, 10_000, 1, 0)
# Doubled, as in all tests that share their machine.
_FOUND_SECONDS = {"half": 4.0, "nothing": 4.0, "lingering": 4.0, "turnless": 0.6}
_MOST_POINTS = 10.0
_WINDOW_SECONDS = 1.0
_GIVEN_SECONDS = 8.0
_ATTEMPTS = 3


class Sample(NamedTuple):
    """How much each vGPU had computed by then."""

    at: float
    work: dict[int, int]


ENDED = re.compile(r"ended: it computed for \d+ ms (.*)")
# What tenant.h calls the lie, and what the log says of it.
IN_TURNS, OUTSIDE = "more in its turns than it said", "outside its turns"
# One that lingers does so into its own next turn, too.
FOUND = {
    "half": {IN_TURNS},
    "nothing": {IN_TURNS},
    "lingering": {OUTSIDE, IN_TURNS},
    "turnless": {OUTSIDE},
}


@pytest.mark.parametrize("lie", FOUND)
def test_a_worker_that_lies_about_its_device_time_is_stopped(lie: str) -> None:
    """A miss of the bars is measured again before it counts: one run of four or so has one."""
    quiet = Quiet()
    told: list[str] = []
    for _ in range(_ATTEMPTS):
        found, points = stop_a_liar(lie, quiet)
        told.append(
            f"{lie}: stopped after {found:.2f} s, neighbours at worst {points:.2f} points short"
        )
        print(told[-1])
        if found <= _FOUND_SECONDS[lie] and points <= _MOST_POINTS:
            return
    quiet.missed("; ".join(told))


def stop_a_liar(lie: str, quiet: Quiet) -> tuple[float, float]:
    """Three honest tenants and the liar have a quarter of the device each, by their promises.

    Returns after how many seconds it was stopped, and how short a neighbour fell, in points.
    """
    with quiet, running_device_host(orders="ready compute honest") as host:
        control = host.control()
        honest = [begin_tenant(host, control, f"honest-{one}") for one in range(_NEIGHBOURS)]
        time.sleep(_WINDOW_SECONDS)
        samples = [sample(control)]
        watch(control, samples, _WINDOW_SECONDS)
        host.orders.write_text(f"ready compute {lie}")
        liar = begin_tenant(host, control, "liar")
        begin = time.monotonic()
        while (
            not (reason := ENDED.search(host.log())) and time.monotonic() - begin < _GIVEN_SECONDS
        ):
            watch(control, samples, 0.05)
        found = time.monotonic() - begin
        watch(control, samples, _WINDOW_SECONDS)
        left = {one.vgpu for one in control.list() if one.worker}
    assert reason is not None, lie
    assert reason[1] in FOUND[lie]
    assert left == set(honest), lie
    return found, worst_points(samples, honest, liar)


def test_a_worker_whose_claims_explain_everything_gains_nothing() -> None:
    """All lay around its span, it says, and is left alone; its turns are charged by the clock."""
    quiet = Quiet()
    with quiet, running_device_host(orders="ready compute honest") as host:
        control = host.control()
        honest = [begin_tenant(host, control, f"honest-{one}") for one in range(_NEIGHBOURS)]
        host.orders.write_text("ready compute around")
        liar = begin_tenant(host, control, "liar")
        time.sleep(_WINDOW_SECONDS)
        samples = [sample(control)]
        watch(control, samples, 3 * _WINDOW_SECONDS)
        left = {one.vgpu for one in control.list() if one.worker}
    assert left == {*honest, liar}
    points = worst_points(samples, honest, liar)
    if points > _MOST_POINTS:
        quiet.missed(f"neighbours at worst {points:.2f} points short")
    print(f"around: neighbours at worst {points:.2f} points short")


def begin_tenant(host: DeviceHostProcess, control: Control, name: str) -> int:
    """Creates a vGPU whose worker follows the orders of now; returns its number."""
    ready = host.log().count("ready, the driver took")
    answer = control.try_create(64 * MIB, name, shares=_QUARTER)
    number = int.from_bytes(answer.payload[:8], "little")
    assert number, answer
    while host.log().count("ready, the driver took") == ready:
        time.sleep(0.005)
    return number


def sample(control: Control) -> Sample:
    """What every vGPU's worker says it has computed; those that lie of turns don't of that."""
    return Sample(time.monotonic(), {one.vgpu: one.kernels for one in control.list()})


def watch(control: Control, samples: list[Sample], seconds: float) -> None:
    """Takes samples for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)
        samples.append(sample(control))


def worst_points(samples: list[Sample], honest: list[int], liar: int) -> float:
    """How far a neighbour's share of all work fell below its promise, in the worst window."""
    worst = 0.0
    for index, first in enumerate(samples):
        last = next((one for one in samples[index:] if one.at >= first.at + _WINDOW_SECONDS), None)
        if last is None:
            break
        work = [done(first, last, one) for one in (*honest, liar)]
        shares = [100 * one / sum(work) for one in work]
        print(f"{first.at - samples[0].at:6.2f} s", *(f"{share:6.2f}" for share in shares))
        worst = max(worst, max(_QUARTER[0] / 100 - share for share in shares[:-1]))
    return worst


def done(first: Sample, last: Sample, vgpu: int) -> int:
    """What a vGPU computed between two samples."""
    return last.work.get(vgpu, 0) - first.work.get(vgpu, 0)
