"""Real programs that we did not write give on a vGPU what they give natively.

On every driver of this machine. What may differ is stated in each case (tools/programs/cases), with
the reason.
"""

from __future__ import annotations

import os

import pytest

from tests.system.runtime import Runtime
from tools.programs.case import Case
from tools.programs.cases import all_cases, soak_cases
from tools.programs.drivers import Driver
from tools.programs.fetch import CannotFetch
from tools.programs.running import run

pytestmark = pytest.mark.timeout(2400)

# Programs whose kernels take a driver longest to compile run on the first driver alone in
# `make test`; `make soak` runs all.
_LONG = (
    "clblast-xgemm",
    "clpeak-bandwidth",
    "clpeak-transfer",
    "pyopencl-array",
)


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_results_are_those_of_a_native_run(case: Case, driver: Driver, runtime: Runtime) -> None:
    """On a vGPU with the default options."""
    if case.name in _LONG and driver.name != "pocl":
        pytest.skip("takes minutes on this driver: runs in `make soak`")
    compare(case, driver)


@pytest.mark.soak
@pytest.mark.parametrize(
    "case",
    [*soak_cases(), *(case for case in all_cases() if case.name in _LONG)],
    ids=lambda case: case.name,
)
def test_long_programs(case: Case, driver: Driver, runtime: Runtime) -> None:
    """What takes minutes."""
    compare(case, driver)


@pytest.mark.parametrize("name", ["pyopencl-wrapper", "reikna", "opencv"])
def test_staged_transfers(name: str, one_driver: Driver, runtime: Runtime) -> None:
    """As on a discrete GPU, where nothing is shared with the device."""
    case = next(case for case in all_cases() if case.name == name)
    compare(case, one_driver, "--transfer", "staged")


def compare(case: Case, driver: Driver, *options: str) -> None:
    """Runs a case natively and on a vGPU, and fails with what differs."""
    if driver.name not in case.works_on:
        pytest.skip(f"{case.name} does not work natively on {driver.name}")
    try:
        native = run(case, driver, remoted=False)
    except CannotFetch as error:
        if os.environ.get("CI"):
            raise  # CI can fetch everything: a skip would hide that its set-up is broken
        pytest.skip(str(error))
    assert native.status != 124, f"natively it did not end:\n{native.tail()}"
    remoted = run(case, driver, remoted=True, options=("--quiet", *options))
    differences = case.differences(native, remoted)
    assert not differences, "\n".join(differences)
