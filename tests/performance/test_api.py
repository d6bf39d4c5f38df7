"""The bars of `aliquot bench daemon` hold, in its short form at doubled tolerance.

A line fails only when it breaks in each of several attempts: see tests/quiet.py.
"""

from __future__ import annotations

import pytest

from aliquot.bench.daemon.cases import CASES, SHORT, WATCHERS
from aliquot.bench.daemon.measure import measure
from aliquot.devices.opencl import find_device
from tests.quiet import Quiet
from tests.system.runtime import Runtime
from tools.programs.drivers import Driver

pytestmark = [pytest.mark.performance, pytest.mark.timeout(1800)]

TOLERANCE = 2
ATTEMPTS = 3
# What one daemon goes through, in the order of the cases.
TOGETHER = [
    ("idle-0",),
    ("create-100", "idle-200"),
    ("create-2000", "list-2000"),
    ("watchers",),
]


@pytest.mark.parametrize("names", TOGETHER, ids="+".join)
def test_on_a_simulated_device(names: tuple[str, ...]) -> None:
    hold_in_short(names)


def test_at_a_device_host(one_driver: Driver, runtime: Runtime) -> None:
    """With `run`, which has more attempts of its own in test_cost.py."""
    runtime.wait_until_nothing_runs()
    hold_in_short(("device-host",))


def test_every_case_is_here() -> None:
    named = {name for names in TOGETHER for name in names}
    assert named | {"device-host", "run"} == {case.name for case in CASES}
    assert WATCHERS == 200


def hold_in_short(names: tuple[str, ...]) -> None:
    """Every line holds in at least one attempt."""
    quiet = Quiet()
    broken: dict[str, list[str]] = {}
    for number in range(ATTEMPTS):
        with quiet:
            result = measure(
                [case for case in CASES if case.name in names],
                SHORT,
                lambda: find_device(None)[1],
                tolerance=TOLERANCE,
            )
        assert not result.left_out
        for line in result.lines:
            print(f"{line.name}: {line.value:.4g} {line.unit} (bar {line.bar})")
        missed = {
            line.name: f"{line.name}: {line.value:.4g} {line.unit}, bar {line.bar:g}"
            for line in result.lines
            if not line.holds(TOLERANCE) and line.bar is not None
        }
        broken = {
            name: [*broken.get(name, []), told]
            for name, told in missed.items()
            if not number or name in broken
        }
        if not broken:
            return
    quiet.missed("\n".join(told for each in broken.values() for told in each))
