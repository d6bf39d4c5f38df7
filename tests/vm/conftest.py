"""Guest VMs that use a vGPU of a real daemon, under software emulation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.absent import absent
from tests.system.daemon import Daemon
from tools.programs.drivers import all_drivers
from tools.setup.report import SetupError
from tools.vm.packages import Programs, programs


@pytest.fixture(scope="session")
def emulator() -> Programs:
    """QEMU and a kernel; fetched where they aren't here."""
    try:
        return programs()
    except SetupError as error:
        absent(str(error))


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """A daemon of the test's own."""
    drivers = all_drivers()
    if not drivers:
        absent("no OpenCL driver here")
    daemon = Daemon(drivers[:1])
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.close()
