"""Fixtures of the system tests: real drivers, a runtime directory each, compiled programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.absent import IN_CI
from tests.system.compiled import compile_program
from tests.system.runtime import Runtime
from tools.programs.drivers import Driver, all_drivers

_DRIVERS = all_drivers()
_EXPECTED_IN_CI = {"pocl", "intel"}


def pytest_configure() -> None:
    """Where CI has no driver to test on, that is a fault of its set-up and no reason to skip."""
    missing = _EXPECTED_IN_CI - {driver.name for driver in _DRIVERS}
    if IN_CI and missing:
        message = f"set-up brought no OpenCL driver named {', '.join(sorted(missing))}"
        raise pytest.UsageError(message)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `driver` runs once on each; one that takes `one_driver`, on the first."""
    drivers = _DRIVERS or [pytest.param(None, marks=pytest.mark.skip("no OpenCL driver here"))]
    names = [driver.name for driver in _DRIVERS] or ["none"]
    own = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "driver" in metafunc.fixturenames and not any("driver" in names for names in own):
        metafunc.parametrize("driver", drivers, ids=names)
    if "one_driver" in metafunc.fixturenames:
        metafunc.parametrize("one_driver", drivers[:1], ids=names[:1])


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Runtime]:
    """A runtime directory of the test's own; at the end nothing that ran in it may be left."""
    parameters = getattr(request.node, "callspec", None)
    chosen = parameters.params if parameters else {}
    driver: Driver = chosen.get("driver") or chosen.get("one_driver") or _DRIVERS[0]
    with Runtime(driver, monkeypatch) as runtime:
        yield runtime
        runtime.wait_until_nothing_runs()


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Our small C programs, compiled: path by name."""
    folder = tmp_path_factory.mktemp("programs")
    names = (
        "every_command",
        "many_threads",
        "load",
        "racing_allocation",
        "endings",
        "vanishing",
        "copying",
        "enduring",
        "long_kernels",
        "spending",
        "wild",
    )
    return {name: compile_program(name, folder) for name in names}
