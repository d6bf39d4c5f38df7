"""A running API: on fakes, and where a test says so also on the real service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot.client.rest import Client
from tests.contract.api import services
from tests.contract.api.serving import Serving


@pytest.fixture(params=["fake", "real"])
def serving(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serving]:
    """A running API on either service."""
    with services.BY_NAME[request.param](tmp_path) as service:
        serving = Serving(service, tmp_path)
        yield serving
        serving.close()


@pytest.fixture
def on_fakes(tmp_path: Path) -> Iterator[Serving]:
    """A running API on fakes: where it is the API alone that is tested."""
    with services.fake(tmp_path) as service:
        serving = Serving(service, tmp_path)
        yield serving
        serving.close()


@pytest.fixture
def client(serving: Serving) -> Iterator[Client]:
    """A client at the Unix socket: an admin, as it has the daemon's own user."""
    with serving.client() as client:
        yield client
