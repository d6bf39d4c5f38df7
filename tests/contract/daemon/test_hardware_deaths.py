"""The daemon is killed at any moment of a life: afterwards state, journal and hardware agree."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aliquot.model.lifecycle import VgpuState
from aliquot.store import check, vgpus
from tests.contract.daemon.hardware_house import HardwareService
from tests.contract.daemon.house import ADMIN
from tests.contract.modes.houses import HOUSES
from tests.contract.modes.test_kills import died
from tests.fakes.kernel.machine import Machine

KINDS = sorted(HOUSES.keys() - {"mdev-virtual"})
KILLS = 300  # of all modes together
_EACH = KILLS // len(KINDS)


@pytest.fixture(params=KINDS)
def service(
    request: pytest.FixtureRequest, tmp_path: Path, machine: Machine, sysfs: str
) -> HardwareService:
    """A service that was closed: who wants it starts it."""
    made = HardwareService(tmp_path, HOUSES[request.param](tmp_path, sysfs, machine))
    made.close()
    return made


def life(service: HardwareService) -> None:
    """All that happens to a vGPU, by a daemon that has just started."""
    service.start()
    hardware = service.core.hardware
    for name in ("a", "b")[: service.house.rooms]:
        made = service.create(name)
        hardware.attachment(made.id)
        hardware.release(made.id)
        hardware.attachment(made.id)
    for name in ("a", "b")[: service.house.rooms]:
        service.service.vgpus.delete(ADMIN, name)
    service.close()


def agrees(service: HardwareService, before: object) -> None:
    """The next daemon repairs all; what it has goes on to the end, and nothing is left behind."""
    service.start()
    try:
        service.watch()
        service.settle()
        hardware = service.core.hardware
        with service.store.look() as view:
            living = vgpus.listed(view)
            assert list(check.problems(view)) == []
        assert {kept.id for kept in living} == set(hardware.adopt())
        for kept in living:
            assert (kept.state, kept.settled, kept.reason) == (VgpuState.READY, True, "")
            assert hardware.verify(kept.id) is None
            assert hardware.attachment(kept.id).vgpu
            service.service.vgpus.delete(ADMIN, kept.id)
        assert service.house.state() == before
        assert hardware.adopt() == {}
    finally:
        service.close()


def test_killed_at_random_moments(service: HardwareService) -> None:
    before = service.house.state()

    def one_life() -> None:
        life(service)

    begun = time.monotonic()
    assert not died(one_life)
    span = time.monotonic() - begun
    chance = random.Random(23)
    kills = _kill(service, one_life, _EACH // 2, lambda: chance.uniform(0, span), before)
    assert kills == _EACH // 2


def test_killed_at_random_changes_of_the_hardware(service: HardwareService) -> None:
    """Before one and after it, so also between the journal and the hardware."""
    before = service.house.state()
    chance = random.Random(29)

    def one_life() -> None:
        life(service)

    def at_a_change() -> None:
        service.house.kill_at(chance.randint(1, 8), done=chance.random() < 0.5)

    kills = _kill(service, one_life, _EACH - _EACH // 2, at_a_change, before)
    assert kills == _EACH - _EACH // 2


def _kill(
    service: HardwareService,
    work: Callable[[], None],
    wanted: int,
    when: Callable[[], float | None],
    before: object,
) -> int:
    """Kill so many lives, each looked at afterwards; `when` gives the seconds, or sets a trap."""
    kills = 0
    for _ in range(10 * wanted):
        killed = died(work, when())
        service.house.kill_nobody()
        agrees(service, before)
        kills += killed
        if kills == wanted:
            break
    return kills
