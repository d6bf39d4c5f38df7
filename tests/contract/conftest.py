"""Fixtures of the tests of the command line, of the device host, and of what keeps a state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.absent import absent
from tests.contract.device_host_process import DeviceHostProcess, identities, running_device_host
from tests.contract.store import postgresql
from tests.contract.store.places import Place
from tests.fakes.installation import FakeInstallation
from tests.fakes.kernel.fuse import NoFuse
from tests.fakes.kernel.machine import Machine

_running: list[postgresql.Server] = []


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


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine whose sysfs has behaviour."""
    return Machine(tmp_path)


@pytest.fixture
def sysfs(machine: Machine, tmp_path: Path) -> Iterator[str]:
    """Where that is mounted."""
    with ExitStack() as stack:
        try:
            path = stack.enter_context(machine.mounted(tmp_path / "sys"))
        except (NoFuse, OSError) as error:
            pytest.skip(str(error))  # the kernel's to give, no set-up's
        yield path


@pytest.fixture(scope="session")
def server() -> Iterator[postgresql.Server]:
    found = postgresql.programs()
    if found is None:
        absent("PostgreSQL is not installed here (Debian's package postgresql)")
    with postgresql.running(found) as server:
        _running.append(server)
        yield server
        _running.clear()


@pytest.fixture(autouse=True)
def _no_databases_are_left() -> Iterator[None]:
    """Hundreds of them take longer to remove than to make."""
    yield
    for server in _running:
        server.drop_all()


@pytest.fixture(scope="session")
def sqlite_place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("states"), None)


@pytest.fixture(scope="session")
def server_place(tmp_path_factory: pytest.TempPathFactory, server: postgresql.Server) -> Place:
    return Place(tmp_path_factory.mktemp("states"), server)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Place:
    """Where states are made: what uses it runs on SQLite and on a real PostgreSQL."""
    fixture = "sqlite_place" if request.param == "sqlite" else "server_place"
    found: Place = request.getfixturevalue(fixture)
    return found
