"""Tenants get the device time that they were promised, by the kernels that they completed.

The short form of `aliquot bench fairness`, which doubles every tolerance. The machine of a test run
is shared and noisy, and noise spoils now this promise and now that one: one fails only when it is
missed at each attempt.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.quiet import Quiet
from tests.system.runtime import Runtime
from tools.programs.drivers import Driver

pytestmark = [pytest.mark.performance, pytest.mark.timeout(1800)]

_ATTEMPTS = 3
_CASES = 7
# What was missed in quiet runs too: on a machine whose system now and then puts both threads of a
# driver on one of two processors, a tenant does less work in the time that it has, which is made up
# for, but not wholly. Such a miss is a warning where it was once no more than so many times the
# bar; what isn't fair is off by more each time.
_FACTOR_TOLD = 3.0
_FACTORS_TOLD = {"limit-25-alone": 6.0}


def test_tenants_get_what_they_were_promised(
    one_driver: Driver, tmp_path: Path, runtime: Runtime
) -> None:
    """After the first attempt only the cases that missed something are measured again."""
    missed: dict[tuple[str, str], list[str]] = {}
    again: Sequence[str | None] = [None]
    quiet = Quiet()
    for number in range(_ATTEMPTS):
        now: dict[tuple[str, str], str] = {}
        for case in again:
            runtime.wait_until_nothing_runs()
            with quiet:
                now |= missed_promises(runtime, case, tmp_path / "shares.svg")
                runtime.wait_until_nothing_runs()
        missed = {
            promise: [*missed.get(promise, []), told]
            for promise, told in now.items()
            if not number or promise in missed
        }
        print(f"attempt {number + 1}: never kept {sorted(missed)}")
        if not missed:
            return
        again = sorted({case for case, _ in missed})
    broken = [told for each in missed.values() if not any(map(is_known, each)) for told in each]
    if broken:
        quiet.missed("\n".join(broken))
    for each in missed.values():
        warnings.warn(f"missed bar: {each[-1]}", stacklevel=1)


def is_known(told: str) -> bool:
    """Whether a missed promise is off by no more than was seen in quiet runs."""
    case, _, text = told.partition(": ")
    check = json.loads(text)
    factor = _FACTORS_TOLD.get(case, _FACTOR_TOLD)
    if check["at_most"]:
        return bool(check["value"] <= check["bar"] * factor)
    return bool(1 - check["value"] <= (1 - check["bar"]) * factor)


def missed_promises(
    runtime: Runtime, case: str | None, picture: Path
) -> dict[tuple[str, str], str]:
    """What was not kept, by case and promise, as measured."""
    options = ["--short", "--quiet", "--json", "--picture", str(picture)]
    if case is not None:
        options += ["--case", case]
    done = runtime.aliquot("bench", "fairness", *options, seconds=600)
    assert done.returncode in (0, 1), done.stderr
    cases = json.loads(done.stdout)["cases"]
    assert len(cases) == (_CASES if case is None else 1), "the benchmark measured too little"
    assert picture.read_text().startswith("<svg")
    return {
        (one["case"], check["promise"]): f"{one['case']}: {json.dumps(check)}"
        for one in cases
        for check in one["checks"]
        if not check["holds"]
    }
