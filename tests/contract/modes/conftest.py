"""A house for each mode, on the kernel with behaviour."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.absent import absent
from tests.contract.modes.houses import HOUSES, House
from tests.contract.modes.remoting_house import RemotingHouse
from tests.fakes.kernel.fuse import NoFuse
from tests.fakes.kernel.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def sysfs(machine: Machine, tmp_path: Path) -> Iterator[str]:
    """Where the machine's sysfs is mounted."""
    try:
        mounted = machine.mounted(tmp_path / "sys")
        path = mounted.__enter__()
    except (NoFuse, OSError) as error:
        absent(str(error))
    try:
        yield path
    finally:
        mounted.__exit__(None, None, None)


@pytest.fixture(params=sorted(HOUSES))
def hardware(request: pytest.FixtureRequest, tmp_path: Path, machine: Machine, sysfs: str) -> House:
    """A mode that changes hardware."""
    return HOUSES[request.param](tmp_path, sysfs, machine)


@pytest.fixture(params=[*sorted(HOUSES), "remoting"])
def house(
    request: pytest.FixtureRequest, tmp_path: Path, machine: Machine, sysfs: str
) -> Iterator[House]:
    """Any mode."""
    made = HOUSES.get(request.param, RemotingHouse)(tmp_path, sysfs, machine)
    yield made
    made.close()
