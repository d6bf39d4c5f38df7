"""The bars of `aliquot bench remoting` hold, in a short form at doubled tolerance.

The machine of a test run is shared and noisy, so a line fails only when it breaks in every one of
several attempts, each longer than the one before. Noise spoils now this line and now that one; a
real loss of speed spoils the same one each time.
"""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest

from tests.quiet import Quiet
from tests.system.runtime import Runtime
from tools.programs.drivers import Driver

pytestmark = [pytest.mark.performance, pytest.mark.timeout(1800)]

_ROUNDS_OF_ATTEMPTS = (3, 5, 7, 9)

# Bars missed at present, even at doubled tolerance (docs/benchmarks): told as warnings, and
# held to what was measured, so that they can't get worse unseen. Whoever mends one takes it out.
_MISSED = {
    ("auto", "empty kernel + clFinish, machine busy"): 8.0,
    ("staged", "empty kernel + clFinish, machine busy"): 8.0,
    ("staged", "blocking write and read 1 MiB"): 0.25,
}
# Twice 1.02 would let a worker pass that takes a core from the kernels (1.6 was measured for one
# that spins without bound); what noise adds is far less.
_CLOSER = {"compute-bound kernel": 1.3}


@pytest.mark.parametrize("transfer", ["auto", "staged"])
def test_every_bar_holds_in_short(one_driver: Driver, transfer: str, runtime: Runtime) -> None:
    """Every line holds in at least one attempt; those that never do are the test's message."""
    broken: dict[str, list[str]] = {}
    quiet = Quiet()
    for number, rounds in enumerate(_ROUNDS_OF_ATTEMPTS):
        runtime.wait_until_nothing_runs()
        with quiet:
            now = broken_bars(runtime, transfer, rounds)
            runtime.wait_until_nothing_runs()
        broken = {
            name: [*broken.get(name, []), line]
            for name, line in now.items()
            if not number or name in broken
        }
        print(f"attempt {number + 1}, {rounds} rounds: never held {sorted(broken)}")
        if not broken:
            return
    quiet.missed("\n".join(line for lines in broken.values() for line in lines))


def test_a_kernel_has_the_whole_device_on_every_driver(driver: Driver, runtime: Runtime) -> None:
    """Some compute on the threads that wait, of which a worker has none."""
    quiet = Quiet()
    told: list[float] = []
    for _ in range(3):
        runtime.wait_until_nothing_runs()
        with quiet:
            lines = measured(runtime, "auto", rounds=3)
        (line,) = (line for line in lines if line["name"] == "compute-bound kernel")
        told.append(line["value"])
        if told[-1] <= _CLOSER["compute-bound kernel"]:
            return
    quiet.missed(f"a compute-bound kernel, against native: {told}")


def measured(runtime: Runtime, transfer: str, rounds: int) -> list[dict[str, Any]]:
    """The lines of the benchmark, in short."""
    options = ["--rounds", str(rounds), "--scale", "0.03", "--tolerance", "2", "--quiet", "--json"]
    done = runtime.aliquot("bench", "remoting", "--transfer", transfer, *options, seconds=900)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)["lines"]


def broken_bars(runtime: Runtime, transfer: str, rounds: int) -> dict[str, str]:
    """The lines of the benchmark that don't hold, by name, as measured."""
    lines = measured(runtime, transfer, rounds)
    assert len(lines) >= 15, "the benchmark measured too little"
    broken: dict[str, str] = {}
    for line in lines:
        name, value = line["name"], line["value"]
        if value <= _CLOSER.get(name, value) and line["holds"]:
            continue
        limit = _MISSED.get((transfer, name))
        less = line["better"] == "less"
        if limit is not None and (value <= limit if less else value >= limit):
            warnings.warn(f"missed bar: {json.dumps(line)}", stacklevel=1)
        else:
            broken[name] = json.dumps(line)
    return broken
