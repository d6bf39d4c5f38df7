"""The daemon dies at any moment of any operation, and another one goes on.

It dies before a commit, behind one, or when a device host has just done something: each of these
is a moment of its own, chosen at random.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event

from aliquot.errors import AliquotError, DeviceHostUnreachable
from aliquot.model.api.vgpus import (
    LeaseWanted,
    MoveWanted,
    ResumeWanted,
    SuspendWanted,
    VgpuChange,
    VgpuResource,
    VgpuWanted,
)
from aliquot.model.lifecycle import VgpuState, Wanted
from tests.contract.daemon.house import ADMIN, GIB, ONE, TWO, House
from tests.fakes.device_hosts import FakeMachine, device

SEEDS = range(20)
OPERATIONS = 40


class Died(BaseException):
    """The daemon is dead; nothing of it catches this."""


class Fate:
    """Counts the moments at which it may die, and dies at one of them."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.left = chance.randint(1, 60)

    def moment(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            raise Died


class Story:
    """What was asked and acknowledged, over the lives of several daemons."""

    def __init__(self, folder: Path, seed: int, holders: list[int]) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.machine = FakeMachine(device(ONE, 8 * GIB), device(TWO, 8 * GIB))
        self.holders = holders
        self.deaths = 0
        self.there: dict[str, VgpuResource] = {}  # as it was acknowledged last
        self.unsure: set[str] = set()  # an operation on it was not acknowledged
        self.home = self._begin()

    def _begin(self) -> House:
        home = House(self.folder, self.machine)
        home.look()
        self.fate = Fate(self.chance)
        event.listen(home.store.engine, "commit", self.fate.moment)
        home.store.watch(self.fate.moment)
        for host in self.machine.by_uuid.values():
            host.after = self.fate.moment
        return home

    def tell(self, number: int) -> None:
        """One operation, and the death that it may meet."""
        name = f"v{self.chance.randint(0, 5)}"
        try:
            done = self._operate(name, f"key-{number}")
        except AliquotError:
            return
        except Died:
            self.deaths += 1
            self.unsure.add(name)
            for host in self.machine.by_uuid.values():
                host.after = lambda _: None
            event.remove(self.home.store.engine, "commit", self.fate.moment)
            self.home.close()
            self.home = self._begin()
            return
        if done is not None:
            self.there[name] = done
            self.unsure.discard(name)

    def _operate(self, name: str, key: str) -> VgpuResource | None:
        vgpus, chance = self.home.service.vgpus, self.chance
        what = chance.randrange(10)
        if what < 4:
            lease = LeaseWanted(process_id=chance.choice(self.holders))
            wanted = VgpuWanted(
                name=name,
                memory=chance.randint(1, 4) * GIB,
                compute=float(chance.randint(0, 40)),
                ephemeral=chance.random() < 0.3,
                lease=lease if chance.random() < 0.5 else None,
            )
            return vgpus.create(ADMIN, wanted, idempotency_key=key)
        if what == 4:
            return vgpus.change(ADMIN, name, VgpuChange(memory=chance.randint(1, 4) * GIB))
        if what == 5:
            return vgpus.move(ADMIN, name, MoveWanted(device=chance.choice((ONE, TWO))))
        if what == 6:
            if chance.random() < 0.5:
                return vgpus.suspend(ADMIN, name, SuspendWanted(release=chance.random() < 0.5))
            return vgpus.resume(ADMIN, name, ResumeWanted())
        if what == 7:
            return vgpus.delete(ADMIN, name)
        if what == 8:
            asked = LeaseWanted(process_id=chance.choice(self.holders))
            self.home.service.leases.begin(ADMIN, name, asked)
            return vgpus.show(ADMIN, name)
        held = self.home.service.leases.list(ADMIN).items
        if held:
            self.home.service.leases.end(ADMIN, chance.choice(held).id)
        elif chance.random() < 0.3:
            self.machine.by_uuid[chance.choice((ONE, TWO))].die()
        return None

    def end(self) -> None:
        """Whatever happened, all agrees, and what was acknowledged is so."""
        for host in self.machine.by_uuid.values():
            host.after = lambda _: None
        event.remove(self.home.store.engine, "commit", self.fate.moment)
        for _ in range(3):
            self.home.look()
        assert self.home.problems() == []
        now = {vgpu.name: vgpu for vgpu in self.home.service.vgpus.list(ADMIN).items}
        for name, told in self.there.items():
            if name in self.unsure:
                continue
            if told.wanted is Wanted.DELETED:
                assert name not in now or now[name].id != told.id
            elif not told.ephemeral:
                assert now[name].id == told.id
                assert now[name].memory == told.memory
                assert now[name].settled
                assert (now[name].state is VgpuState.SUSPENDED) == (told.wanted is Wanted.SUSPENDED)
        self.home.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_doubled_or_leaked(
    tmp_path: Path, seed: int, process: Callable[[], subprocess.Popen[bytes]]
) -> None:
    story = Story(tmp_path, seed, [process().pid for _ in range(3)])
    for number in range(OPERATIONS):
        story.tell(number)
    story.end()


def test_it_does_die(tmp_path: Path, process: Callable[[], subprocess.Popen[bytes]]) -> None:
    story = Story(tmp_path, 1, [process().pid])
    for number in range(60):
        story.tell(number)
    story.end()
    assert story.deaths > 3


def test_a_device_host_that_hangs_up_is_joined_again(home: House) -> None:
    home.service.vgpus.create(ADMIN, VgpuWanted(name="a", memory=GIB))
    host = home.machine.by_uuid[ONE]
    asked = len(host.asked)
    calls = iter([DeviceHostUnreachable("it hung up")])

    class Once(dict[str, AliquotError]):
        def get(self, key: str, default: object = None) -> AliquotError | None:  # type: ignore[override]
            return next(calls, None) if key == "list_vgpus" else None

    host.fail = Once()
    home.service.observer.look(whole=True)
    assert host.asked[asked:].count("list_vgpus") == 2
    host.fail = {}
