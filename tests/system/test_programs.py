"""Real programs that we did not write give on a vGPU what they give natively.

On every driver of this machine on which they work at all. What may differ is stated in each case
(tools/programs/cases), with the reason.
"""

from __future__ import annotations

import pytest

from tests.absent import absent
from tests.system.runtime import Runtime
from tools.programs.case import Case, Outcome
from tools.programs.cases import all_cases, soak_cases
from tools.programs.drivers import Driver, all_drivers
from tools.programs.fetch import CannotFetch
from tools.programs.running import run_both

pytestmark = pytest.mark.timeout(2400)

# Programs whose kernels take Intel's driver minutes to compile run there in `make soak`; on PoCL
# they run in `make test`.
_LONG_ON_INTEL = ("clblast-xgemm", "clpeak-bandwidth", "clpeak-transfer", "pyopencl-array")

# What came of native runs, by case and driver: those on a vGPU in other ways need no more.
_native: dict[tuple[str, str], Outcome] = {}


def runs() -> list[object]:
    """Each case with each driver on which it works natively; what takes minutes in `make soak`."""
    found: list[object] = []
    for driver in all_drivers():
        for case in [*all_cases(), *soak_cases()]:
            if driver.name not in case.works_on:
                continue
            late = case.name in {late.name for late in soak_cases()} or (
                driver.name == "intel" and case.name in _LONG_ON_INTEL
            )
            marks = [pytest.mark.soak] if late else []
            found.append(pytest.param(driver, case, id=f"{driver.name}-{case.name}", marks=marks))
    return found


@pytest.mark.parametrize(("driver", "case"), runs())
def test_results_are_those_of_a_native_run(driver: Driver, case: Case, runtime: Runtime) -> None:
    """On a vGPU with the default options."""
    compare(case, driver)


@pytest.mark.parametrize("name", ["pyopencl-wrapper", "reikna", "opencv"])
def test_staged_transfers(name: str, one_driver: Driver, runtime: Runtime) -> None:
    """As on a discrete GPU, where nothing is shared with the device."""
    case = next(case for case in all_cases() if case.name == name)
    compare(case, one_driver, "--transfer", "staged")


def compare(case: Case, driver: Driver, *options: str) -> None:
    """Runs a case natively and on a vGPU, and fails with what differs."""
    try:
        before = _native.get((case.name, driver.name))
        native, remoted = run_both(case, driver, *options, native=before)
    except CannotFetch as error:
        absent(str(error))
    _native[case.name, driver.name] = native
    assert native.status != 124, f"natively it did not end:\n{native.tail()}"
    differences = case.differences(native, remoted)
    assert not differences, "\n".join(differences)
