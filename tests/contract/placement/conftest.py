"""Queue, groups and choosing on real states, of both kinds; devices are simulated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.placement.house import House
from tests.contract.store.places import Clock, Place


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(place: Place, clock: Clock) -> Iterator[House]:
    """A state with two devices of 16 GiB, and the parts of the daemon that give out places."""
    with place.opened(clock) as store:
        yield House(store, clock)
