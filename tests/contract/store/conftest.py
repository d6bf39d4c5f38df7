"""One suite for both databases: each test runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aliquot.store import Store
from tests.absent import absent
from tests.contract.store import postgresql
from tests.contract.store.places import Clock, Place

_running: list[postgresql.Server] = []


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
    fixture = "sqlite_place" if request.param == "sqlite" else "server_place"
    found: Place = request.getfixturevalue(fixture)
    return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(place: Place, clock: Clock) -> Iterator[Store]:
    """A new state with two devices."""
    with place.opened(clock) as store:
        yield store
