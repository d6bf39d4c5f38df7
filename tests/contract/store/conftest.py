"""One suite for both databases: each test runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aliquot.store import Store
from tests.contract.store.places import Clock, Place


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(place: Place, clock: Clock) -> Iterator[Store]:
    """A new state with two devices."""
    with place.opened(clock) as store:
        yield store
