"""Random histories on real states: fair between tenants, nothing given twice, all or none."""

from __future__ import annotations

from collections import Counter

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from hypothesis.stateful import run_state_machine_as_test as run

from aliquot.daemon.caller import Caller
from aliquot.model.access_token import Role
from aliquot.model.api.vgpus import GroupWanted, VgpuWanted
from aliquot.model.lifecycle import VgpuState, Wanted
from aliquot.store import events, queue, reservations, vgpus
from tests.contract.placement.house import LONG_MS, House, wanted
from tests.contract.store.places import DEVICE, GIB, OTHER, Clock, Place

TENANTS = ("alice", "bob", "carol")
CALLERS = {name: Caller(tenant=name, role=Role.USER) for name in TENANTS}


class _Machine(RuleBasedStateMachine):
    place: Place

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self._context = self.place.opened(self.clock)
        self.house = House(self._context.__enter__(), self.clock)
        self.made = 0

    def teardown(self) -> None:
        self._context.__exit__(None, None, None)

    def name(self) -> str:
        self.made += 1
        return f"v{self.made}"


class QueueMachine(_Machine):
    """vGPUs and groups are asked for and ended, and time goes by, in whatever order."""

    @rule(
        tenant=st.sampled_from(TENANTS),
        memory=st.integers(1, 16),
        guarantee=st.sampled_from([0, 0, 40, 100]),
        priority=st.sampled_from(["normal", "latency", "batch"]),
        device=st.sampled_from([None, None, DEVICE, OTHER]),
    )
    def ask(
        self, tenant: str, memory: int, guarantee: int, priority: str, device: str | None
    ) -> None:
        spec = wanted(memory, guarantee, priority, device=device, preemptible=priority == "batch")
        self.house.create(self.name(), spec, CALLERS[tenant])

    @rule(
        tenant=st.sampled_from(TENANTS),
        sizes=st.lists(st.integers(1, 12), min_size=1, max_size=3),
        spread=st.booleans(),
    )
    def ask_for_a_group(self, tenant: str, sizes: list[int], spread: bool) -> None:
        members = [
            VgpuWanted(name=self.name(), memory=size * GIB, wait_ms=LONG_MS) for size in sizes
        ]
        asked = GroupWanted(name=f"g{self.made}", vgpus=members, spread=spread)
        self.house.groups.create(CALLERS[tenant], asked)

    @precondition(lambda self: self.living())
    @rule(number=st.integers(0))
    def end(self, number: int) -> None:
        living = self.living()
        self.house.delete(living[number % len(living)])

    @precondition(lambda self: self.house.waiting())
    @rule(number=st.integers(0))
    def leave(self, number: int) -> None:
        with self.house.store.look() as view:
            waiting = queue.waiting(view)
        entry = waiting[number % len(waiting)]
        self.house.queue.leave(CALLERS[entry.tenant], entry.vgpu)

    @rule(milliseconds=st.sampled_from([1000, 40_000]))
    def wait(self, milliseconds: int) -> None:
        self.clock.now += milliseconds

    @rule()
    def serve(self) -> None:
        done = self.house.serve()
        assert len(done.placed) == len(set(done.placed))
        again = self.house.queue.serve()
        # What was suspended has given up its place by now; else nothing is left to do.
        assert done.suspended or not [one for one in again if one.placed or one.suspended]
        self.house.settle()

    def living(self) -> list[str]:
        with self.house.store.look() as view:
            return [kept.id for kept in vgpus.listed(view)]

    @invariant()
    def agrees(self) -> None:
        self.house.check()

    @invariant()
    def is_in_order(self) -> None:
        with self.house.store.look() as view:
            told: list[events.Event] = []
            while some := events.since(view, told[-1].sequence if told else 0):
                told += some
            entered = Counter(e.subject for e in told if e.kind == "queue.entered")
            served = Counter(e.subject for e in told if e.kind == "queue.served")
            left = Counter(e.subject for e in told if e.kind == "queue.left")
            waits = {entry.vgpu for entry in queue.waiting(view)}
            for vgpu, count in entered.items():
                assert served[vgpu] + left[vgpu] + (vgpu in waits) <= count
            placed_by_group: dict[str, set[bool]] = {}
            for kept in vgpus.listed(view):
                has_place = bool(reservations.of_vgpu(view, kept.id))
                if kept.state is VgpuState.PENDING or has_place:
                    assert has_place != (kept.id in waits)
                if kept.group and not kept.spec.preempted:
                    placed_by_group.setdefault(kept.group, set()).add(has_place)
                if kept.spec.preempted and kept.state is not VgpuState.SUSPENDED:
                    assert kept.spec.wanted is Wanted.SUSPENDED
            assert all(len(found) == 1 for found in placed_by_group.values())


class FairMachine(_Machine):
    """One device gives room for one at a time; whoever always waits has as much as the others."""

    @initialize()
    def fill(self) -> None:
        self.house.create("other", wanted(16, device=OTHER))
        self.current = self.house.create("first", wanted(16, device=DEVICE))
        self.served: Counter[str] = Counter()

    @rule(tenant=st.sampled_from(TENANTS), count=st.integers(1, 4))
    def ask(self, tenant: str, count: int) -> None:
        for _ in range(count):
            self.house.create(self.name(), wanted(16, device=DEVICE), CALLERS[tenant])

    @precondition(lambda self: self.house.waiting())
    @rule()
    def next(self) -> None:
        before = self.backlogged()
        self.house.delete(self.current)
        (self.current,) = self.house.serve().placed
        self.served[self.house.get(self.current).tenant] += 1
        # Whoever had nothing waiting begins anew, beside those who have waited.
        for tenant in TENANTS:
            if tenant not in self.backlogged() or tenant not in before:
                self.reset(tenant)
        shares = [self.served[tenant] for tenant in self.backlogged()]
        assert not shares or max(shares) - min(shares) <= 2

    def reset(self, tenant: str) -> None:
        others = [self.served[other] for other in self.backlogged() if other != tenant]
        self.served[tenant] = min(others, default=0)

    def backlogged(self) -> set[str]:
        with self.house.store.look() as view:
            return {entry.tenant for entry in queue.waiting(view)}


@pytest.mark.parametrize(("kind", "examples"), [("sqlite", 6), ("server", 3)])
@pytest.mark.parametrize("what", [QueueMachine, FairMachine])
def test_random_histories(
    request: pytest.FixtureRequest, what: type[_Machine], kind: str, examples: int
) -> None:
    class Machine(what):
        place: Place = request.getfixturevalue(f"{kind}_place")

    run(Machine, settings=settings(max_examples=examples, stateful_step_count=20, deadline=None))
