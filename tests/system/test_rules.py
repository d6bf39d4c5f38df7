"""The rules of OpenCL, one program a group of objects: natively and on a vGPU alike."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.system.compiled import compile_program
from tests.system.runtime import Runtime
from tools.programs.drivers import Driver

_SOURCES = sorted((Path(__file__).parents[1] / "programs").glob("*_rules.c"))
RULES = [source.stem for source in _SOURCES]

# What a driver itself gets so wrong that nothing in front of it can mend it: (driver, program).
_DRIVERS_FAULTS = {
    ("intel", "user_event_rules"): "Intel's driver runs what waits for a failed event, or crashes",
}


def _skip_drivers_fault(driver: Driver, name: str) -> None:
    fault = _DRIVERS_FAULTS.get((driver.name, name))
    if fault:
        pytest.skip(fault)


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The compiled programs: path by name."""
    folder = tmp_path_factory.mktemp("rules")
    return {name: compile_program(name, folder) for name in RULES}


@pytest.mark.parametrize("name", RULES)
def test_natively(driver: Driver, name: str, runtime: Runtime, rules: dict[str, Path]) -> None:
    """What is demanded of a vGPU, drivers do, but for what needs `--specification`.

    Nothing of ours runs here. A driver that fails now and then by itself is asked again.
    """
    _skip_drivers_fault(driver, name)
    done = run_natively(rules[name], driver)
    for _ in range(2):
        if done.returncode != 0:
            done = run_natively(rules[name], driver)
    # Some drivers have something to say on stderr about programs that don't compile.
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"{name}: ok\n")


def run_natively(program: Path, driver: Driver) -> subprocess.CompletedProcess[str]:
    """A program on the driver itself."""
    return subprocess.run(
        [program],
        env=os.environ | driver.environment(),
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.mark.parametrize("transfer", ["auto", "staged"])
@pytest.mark.parametrize("name", RULES)
def test_on_a_vgpu(
    driver: Driver, name: str, transfer: str, runtime: Runtime, rules: dict[str, Path]
) -> None:
    """Each rule, those of the specification that some driver breaks included."""
    _skip_drivers_fault(driver, name)
    command = [str(rules[name]), "--specification"]
    done = runtime.aliquot(
        "run", "--quiet", "--memory", "1GiB", "--transfer", transfer, "--", *command
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(f"{name}: ok\n")


def test_strictly_synchronous(one_driver: Driver, runtime: Runtime, rules: dict[str, Path]) -> None:
    """`--strict-sync` changes when errors come, not what the rules say."""
    for name in RULES:
        done = runtime.aliquot(
            "run", "--quiet", "--memory", "1GiB", "--strict-sync", "--", str(rules[name])
        )
        assert (done.returncode, done.stderr) == (0, ""), name
