"""The bars of `aliquot bench remoting` hold, in a short form at doubled tolerance."""

from __future__ import annotations

import json
import warnings

import pytest

from tests.system.runtime import Runtime
from tools.programs.drivers import Driver

pytestmark = [pytest.mark.performance, pytest.mark.timeout(600)]


# Bars that are missed at present, with what was measured (docs/benchmarks): these are measured and
# told as warnings. Whoever mends one takes it out.
_MISSED = {
    ("auto", "empty kernel + clFinish, machine busy"): "1.8 to 7.6 on an otherwise quiet machine",
    ("staged", "empty kernel + clFinish, machine busy"): "2.2 to 7.5 on an otherwise quiet machine",
    ("staged", "blocking write and read 1 MiB"): "0.3 to 0.37: each chunk pays a thread's wake-up",
}


@pytest.mark.parametrize("transfer", ["auto", "staged"])
def test_every_bar_holds_in_short(one_driver: Driver, transfer: str, runtime: Runtime) -> None:
    """One more try where a bar broke: a burst of other work on the machine must not decide."""
    broken = broken_bars(runtime, transfer, rounds=3)
    if not all((transfer, name) in _MISSED for name in broken):
        print("first try:", broken)
        broken = broken_bars(runtime, transfer, rounds=5)
    for name, line in broken.items():
        if (transfer, name) in _MISSED:
            warnings.warn(f"missed bar: {line}", stacklevel=1)
    assert not {name for name in broken if (transfer, name) not in _MISSED}


def broken_bars(runtime: Runtime, transfer: str, rounds: int) -> dict[str, str]:
    """The lines of the benchmark whose bar doesn't hold: what was measured, by name."""
    options = ["--rounds", str(rounds), "--scale", "0.03", "--tolerance", "2", "--quiet", "--json"]
    done = runtime.aliquot("bench", "remoting", "--transfer", transfer, *options, seconds=300)
    assert done.returncode in (0, 1), done.stderr
    lines = json.loads(done.stdout)["lines"]
    assert len(lines) >= 15, "the benchmark measured too little"
    return {line["name"]: json.dumps(line) for line in lines if not line["holds"]}
