"""Fixtures of the tests of the daemon."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.daemon.house import House, house
from tests.contract.store.places import Place


@pytest.fixture
def home(tmp_path: Path, place: Place, process: object) -> Iterator[House]:
    """A daemon without threads on two made-up devices, on both databases; at the end all agrees.

    Before the processes end: nobody told the device hosts' stand-ins of that.
    """
    with house(tmp_path, where=place.made()) as made:
        yield made
        made.look()
        assert made.problems() == []


@pytest.fixture
def process() -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts processes that do nothing, to hold leases."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(["sleep", "1000"]))
        return started[-1]

    yield start
    for child in started:
        child.kill()
        child.wait()
