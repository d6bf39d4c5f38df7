"""Fixtures of the tests of the command line and of the device host."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.device_host_process import DeviceHostProcess, identities, running_device_host
from tests.fakes.installation import FakeInstallation


@pytest.fixture
def fakes(tmp_path: Path) -> Iterator[FakeInstallation]:
    """An installation of fakes with one driver that offers one software device."""
    fakes = FakeInstallation(tmp_path)
    fakes.driver("one")
    yield fakes
    fakes.close()


@pytest.fixture(params=identities(), ids=lambda user: "as-self" if user is None else "as-user")
def host(request: pytest.FixtureRequest) -> Iterator[DeviceHostProcess]:
    """A device host with a fake worker; as root also one of an ordinary user's."""
    with running_device_host(request.param) as running:
        yield running
