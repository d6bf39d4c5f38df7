"""A device that is partitioned gives on a vGPU the sub-devices that it gives natively."""

from __future__ import annotations

from pathlib import Path

from tests.system.compiled import compile_program
from tests.system.runtime import Runtime
from tests.system.test_rules import run_natively
from tools.programs.drivers import Driver


def test_sub_devices_are_those_of_the_driver(
    driver: Driver, runtime: Runtime, tmp_path: Path
) -> None:
    """Equal ones and counted ones, more than there are units for included."""
    program = compile_program("sub_devices", tmp_path)
    native = run_natively(program, driver)
    remoted = runtime.aliquot("run", "--quiet", "--", str(program))
    assert (native.returncode, remoted.returncode) == (0, 0), native.stderr + remoted.stderr
    assert remoted.stdout == native.stdout
    assert "; 1 units" in native.stdout
