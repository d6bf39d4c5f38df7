"""The bars of `aliquot bench remoting` hold, in a short form at doubled tolerance."""

from __future__ import annotations

import json
import warnings

import pytest

from tests.system.runtime import Runtime
from tools.programs.drivers import Driver

pytestmark = [pytest.mark.performance, pytest.mark.timeout(600)]


# Bars missed at present, even at doubled tolerance (docs/benchmarks): told as warnings, and
# held to what was measured, so that they can't get worse unseen. Whoever mends one takes it out.
_MISSED = {
    ("auto", "empty kernel + clFinish, machine busy"): 8.0,
    ("staged", "empty kernel + clFinish, machine busy"): 8.0,
    ("staged", "blocking write and read 1 MiB"): 0.25,
}


@pytest.mark.parametrize("transfer", ["auto", "staged"])
def test_every_bar_holds_in_short(one_driver: Driver, transfer: str, runtime: Runtime) -> None:
    """One more try where a bar broke: a burst of other work on the machine must not decide."""
    if broken_bars(runtime, transfer, rounds=3):
        assert not broken_bars(runtime, transfer, rounds=5)


def broken_bars(runtime: Runtime, transfer: str, rounds: int) -> list[str]:
    """The lines of the benchmark that don't hold, as measured."""
    options = ["--rounds", str(rounds), "--scale", "0.03", "--tolerance", "2", "--quiet", "--json"]
    done = runtime.aliquot("bench", "remoting", "--transfer", transfer, *options, seconds=300)
    assert done.returncode in (0, 1), done.stderr
    lines = json.loads(done.stdout)["lines"]
    assert len(lines) >= 15, "the benchmark measured too little"
    broken: list[str] = []
    for line in lines:
        if line["holds"]:
            continue
        limit = _MISSED.get((transfer, line["name"]))
        less = line["better"] == "less"
        if limit is not None and (line["value"] <= limit if less else line["value"] >= limit):
            warnings.warn(f"missed bar: {json.dumps(line)}", stacklevel=1)
        else:
            broken.append(json.dumps(line))
    return broken
