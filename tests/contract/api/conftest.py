"""The API on a service of fakes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot.client.rest import Client
from tests.contract.api.serving import Serving
from tests.fakes.service import FakeService


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    """A running API."""
    service = FakeService(str(tmp_path / "state"))
    serving = Serving(service, tmp_path)
    yield serving
    serving.close()
    service.close()


@pytest.fixture
def client(serving: Serving) -> Iterator[Client]:
    """A client at the Unix socket: an admin, as it has the daemon's own user."""
    with serving.client() as client:
        yield client
