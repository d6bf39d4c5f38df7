"""Killed at any moment: what was interrupted is undone at restart, and nothing is left behind."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable

import pytest

from aliquot.modes.interface import VgpuMode
from tests.contract.modes.houses import House, vgpu
from tests.contract.modes.real_houses import REAL, AudioCard, RealHouse, VirtualFunctions
from tests.contract.modes.sample_houses import Mbochs

# Of all modes together; fewer where a processor is emulated, and there not of every card.
KILLS = 30 if REAL else 300
_KILLED = (AudioCard, VirtualFunctions, Mbochs)
_EACH = KILLS // (len(_KILLED) if REAL else 6)


@pytest.fixture(autouse=True)
def _not_of_every_card(hardware: House) -> None:
    if isinstance(hardware, RealHouse) and not isinstance(hardware, _KILLED):
        pytest.skip("what is killed on other cards is killed alike")


def died(work: Callable[[], object], after_s: float | None = None) -> bool:
    """Do `work` in a child, killed after a time if it still runs; whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
            os._exit(1)
        os._exit(0)
    if after_s is not None:
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "it failed by itself"
    return os.WIFSIGNALED(status)


def create(mode: VgpuMode, house: House) -> None:
    mode.create(house.wanted())


def attach(mode: VgpuMode, _: House) -> None:
    mode.attach(vgpu(1))


def detach(mode: VgpuMode, _: House) -> None:
    mode.detach(vgpu(1))


def delete(mode: VgpuMode, _: House) -> None:
    mode.delete(vgpu(1))


STEPS = (create, attach, detach, attach, delete)


def agrees(house: House, states: list[object]) -> None:
    """After a restart: what the journal knows is what the hardware shows, at rest."""
    mode = house.mode()
    mode.recover()
    found = mode.adopt()
    expected = states[0] if not found else states[2] if found[0].attached else states[1]
    assert house.state() == expected
    for made in found:
        assert mode.verify(made.vgpu) == ()
    assert mode.recover() == (), "what is undone is undone once"


def at_rest(house: House) -> list[object]:
    """The hardware as it is with nothing, something made, and it attached."""
    mode = house.mode()
    states = [house.state()]
    mode.create(house.wanted())
    states.append(house.state())
    mode.attach(vgpu(1))
    states.append(house.state())
    mode.delete(vgpu(1))
    assert house.state() == states[0]
    return states


def go_on_to_the_end(house: House, states: list[object]) -> None:
    mode = house.mode()
    mode.attach(mode.create(house.wanted()).vgpu)
    mode.delete(vgpu(1))
    assert house.state() == states[0]


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_killed_at_every_change_of_the_hardware(hardware: House, done: bool) -> None:
    """Before it and after it: so also between journal and hardware, and between two changes."""
    states = at_rest(hardware)
    kills = 0
    for step in range(len(STEPS)):
        for change in range(1, 20):
            mode = hardware.mode()
            for earlier in STEPS[:step]:
                earlier(mode, hardware)
            hardware.kill_at(change, done=done)
            killed = died(lambda step=step: STEPS[step](hardware.mode(), hardware))
            hardware.kill_nobody()
            agrees(hardware, states)
            go_on_to_the_end(hardware, states)
            if not killed:
                break
            kills += 1
        else:
            pytest.fail("a step made twenty changes of the hardware")
    assert kills >= 2


def test_killed_at_random_moments(hardware: House) -> None:
    states = at_rest(hardware)

    def all_steps() -> None:
        for step in STEPS:
            step(hardware.mode(), hardware)

    begun = time.monotonic()
    died(all_steps)
    span = time.monotonic() - begun
    chance = random.Random(7)
    kills = 0
    for _ in range(10 * _EACH):
        killed = died(all_steps, chance.uniform(0, span))
        agrees(hardware, states)
        go_on_to_the_end(hardware, states)
        kills += killed
        if kills == _EACH:
            break
    assert kills == _EACH


def test_killed_while_it_recovers(hardware: House) -> None:
    """Recovery may be killed as well, as often as it likes."""
    states = at_rest(hardware)
    chance = random.Random(11)
    for _ in range(4 if REAL else 12):
        hardware.kill_at(chance.randint(1, 4), done=chance.random() < 0.5)
        died(lambda: [step(hardware.mode(), hardware) for step in STEPS])
        for _ in range(8):
            hardware.kill_at(1, done=chance.random() < 0.5)
            if not died(lambda: hardware.mode().recover()):
                break
        hardware.kill_nobody()
        agrees(hardware, states)
        go_on_to_the_end(hardware, states)
