"""A house for each mode: on the kernel with behaviour, or in tools.vm's guest VM on a real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.modes.houses import HOUSES, House, PassthroughHouse
from tests.contract.modes.real_houses import REAL, REAL_HOUSES
from tests.contract.modes.remoting_house import RemotingHouse
from tests.contract.modes.sample_houses import SAMPLE_HOUSES
from tests.fakes.kernel.machine import Machine

# What is made to go wrong there is made so in the kernel with behaviour.
_FILES = ("passthrough", "mdev", "sriov", "mig", "between_modes")
collect_ignore = [f"test_{name}.py" for name in _FILES] if REAL else []
_REAL = REAL_HOUSES | SAMPLE_HOUSES
_HARDWARE = sorted(_REAL if REAL else HOUSES)


@pytest.fixture(params=_HARDWARE)
def hardware(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A mode that changes hardware."""
    made = _house(request, tmp_path)
    yield made
    made.close()


@pytest.fixture(params=_HARDWARE if REAL else [*_HARDWARE, "remoting"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """Any mode."""
    made = _house(request, tmp_path)
    yield made
    made.close()


@pytest.fixture
def card(tmp_path: Path, machine: Machine, sysfs: str) -> PassthroughHouse:
    """A card with an audio function, on the kernel with behaviour."""
    return PassthroughHouse(tmp_path, sysfs, machine)


def _house(request: pytest.FixtureRequest, folder: Path) -> House:
    if REAL:
        return _REAL[request.param](folder)
    kind = HOUSES.get(request.param, RemotingHouse)
    sysfs, machine = (request.getfixturevalue(name) for name in ("sysfs", "machine"))
    return kind(folder, sysfs, machine)
