"""A state machine: the store does what a few dictionaries say, whatever is asked in which order."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from aliquot.errors import AliquotError, DeviceLost
from aliquot.model.lease import Holder, LeaseKind
from aliquot.model.lifecycle import TRANSITIONS, VgpuState
from aliquot.model.vgpu_record import VgpuStatus
from aliquot.store import Change, devices, leases, lifecycle, queue, vgpus
from tests.contract.store.agreement import assert_agree
from tests.contract.store.places import DEVICE, GIB, OTHER, Clock, Place, put_device, spec

S = VgpuState
TENANTS = ("alice", "bob")
DEVICES = (DEVICE, OTHER)
WHOLE_MEMORY = 16


class Expected:
    """What is expected of a vGPU; sizes are in GiB and percent."""

    def __init__(self, name: str, tenant: str, memory: int, guarantee: int) -> None:
        self.name = name
        self.tenant = tenant
        self.memory = memory
        self.guarantee = guarantee
        self.generation = 1
        self.state = S.PENDING
        self.failed_from: S | None = None
        self.lost = False
        self.device: str | None = None
        self.reserved: tuple[int, int] = (0, 0)
        self.leases: set[str] = set()
        self.tag = 0
        self.entered = 0  # when it entered the queue; 0 where it doesn't wait


class Ask(NamedTuple):
    """What is asked of the store, and whether it should do it."""

    allowed: bool
    what: Callable[[Change], object]


class StoreMachine(RuleBasedStateMachine):
    place: Place

    def __init__(self) -> None:
        super().__init__()
        self._context = self.place.opened(Clock())
        self.store = self._context.__enter__()
        self.expected: dict[str, Expected] = {}
        self.present: dict[str, bool] = dict.fromkeys(DEVICES, True)
        self.served_tag = 0
        self.clock = 0

    def teardown(self) -> None:
        self._context.__exit__(None, None, None)

    def ask(self, ask: Ask) -> object:
        """Do it, and see that it is done or refused as expected."""
        try:
            with self.store.change("tester") as change:
                answer = ask.what(change)
        except AliquotError:
            assert not ask.allowed
            return None
        assert ask.allowed
        return answer

    def fits(
        self, device: str, memory: int, guarantee: int, without: Expected | None = None
    ) -> bool:
        there = [
            kept.reserved for kept in self.expected.values()
            if kept.device == device and kept is not without
        ]  # fmt: skip
        grows = without is None or (memory, guarantee) != without.reserved
        return (
            (self.present[device] or not grows)
            and sum(m for m, _ in there) + memory <= WHOLE_MEMORY
            and sum(g for _, g in there) + guarantee <= 100
        )

    def chosen(self, number: int) -> tuple[str, Expected]:
        return list(self.expected.items())[number % len(self.expected)]

    def leave_states(self, kept: Expected) -> None:
        if kept.state is S.DELETED:
            kept.device, kept.reserved, kept.entered = None, (0, 0), 0
            kept.leases.clear()

    @rule(
        name=st.integers(0, 5),
        tenant=st.sampled_from(TENANTS),
        memory=st.integers(1, 9),
        guarantee=st.integers(0, 60),
        device=st.sampled_from((*DEVICES, None)),
    )
    def create(
        self, name: int, tenant: str, memory: int, guarantee: int, device: str | None
    ) -> None:
        taken = any(
            (kept.name, kept.tenant) == (f"v{name}", tenant) and kept.state is not S.DELETED
            for kept in self.expected.values()
        )
        fits = device is None or self.fits(device, memory, guarantee)
        wanted = spec(memory * GIB, guarantee * 100)
        made = self.ask(
            Ask(
                not taken and fits,
                lambda change: vgpus.create(change, f"v{name}", tenant, wanted, device=device).id,
            )
        )
        if made:
            kept = self.expected[str(made)] = Expected(f"v{name}", tenant, memory, guarantee)
            if device:
                kept.device, kept.reserved = device, (memory, guarantee)

    @precondition(lambda self: self.expected)
    @rule(number=st.integers(0), to=st.sampled_from(list(S)))
    def transition(self, number: int, to: S) -> None:
        vgpu, kept = self.chosen(number)
        if to in (S.READY, S.LEASED) and kept.device is None:
            return  # the reconciler doesn't: it would be ready without a place
        really = to
        if to in (S.READY, S.LEASED):
            really = S.LEASED if kept.leases else S.READY
        allowed = really is kept.state or really in TRANSITIONS[kept.state]
        self.ask(Ask(allowed, lambda change: lifecycle.transition(change, vgpu, to, "why")))
        if allowed and really is not kept.state:
            kept.failed_from = kept.state if really is S.FAILED else None
            kept.state, kept.lost = really, False
            if really is S.FAILED:
                kept.entered = 0
            self.leave_states(kept)

    @precondition(lambda self: self.expected)
    @rule(number=st.integers(0), memory=st.integers(1, 9), guarantee=st.integers(0, 60))
    def resize(self, number: int, memory: int, guarantee: int) -> None:
        vgpu, kept = self.chosen(number)
        bigger = (max(kept.reserved[0], memory), max(kept.reserved[1], guarantee))
        same = (memory, guarantee) == (kept.memory, kept.guarantee)
        allowed = kept.state is not S.DELETED and (
            same or kept.device is None or self.fits(kept.device, *bigger, without=kept)
        )
        wanted = spec(memory * GIB, guarantee * 100)
        self.ask(Ask(allowed, lambda change: lifecycle.want(change, vgpu, wanted)))
        if allowed and not same:
            kept.memory, kept.guarantee = memory, guarantee
            kept.generation += 1
            if kept.device:
                kept.reserved = bigger

    @precondition(lambda self: self.expected)
    @rule(number=st.integers(0))
    def observe(self, number: int) -> None:
        vgpu, kept = self.chosen(number)
        seen = VgpuStatus(observed_generation=kept.generation, device=kept.device)
        self.ask(Ask(True, lambda change: lifecycle.observe(change, vgpu, seen)))
        if kept.device:
            kept.reserved = (kept.memory, kept.guarantee)

    @precondition(lambda self: self.expected)
    @rule(number=st.integers(0))
    def begin(self, number: int) -> None:
        vgpu, kept = self.chosen(number)
        allowed = kept.state in (S.READY, S.LEASED)
        made = self.ask(
            Ask(
                allowed,
                lambda change: (
                    leases.begin(
                        change, vgpu, kept.tenant, LeaseKind.PROCESS, Holder(), enforced=False
                    ).id
                ),
            )
        )
        if made:
            kept.leases.add(str(made))
            kept.state = S.LEASED

    @precondition(lambda self: any(kept.leases for kept in self.expected.values()))
    @rule(number=st.integers(0))
    def release(self, number: int) -> None:
        pairs = [(kept, one) for kept in self.expected.values() for one in sorted(kept.leases)]
        kept, lease = pairs[number % len(pairs)]
        self.ask(Ask(True, lambda change: leases.release(change, lease)))
        kept.leases.discard(lease)
        if kept.state is S.LEASED and not kept.leases:
            kept.state = S.READY

    @precondition(lambda self: self.expected)
    @rule(number=st.integers(0))
    def enter(self, number: int) -> None:
        vgpu, kept = self.chosen(number)
        allowed = kept.state in (S.PENDING, S.SUSPENDED) and kept.device is None
        self.ask(Ask(allowed, lambda change: queue.enter(change, vgpu)))
        if allowed and not kept.entered:
            own = [other.tag for other in self.waiting() if other.tenant == kept.tenant]
            self.clock += 1
            kept.tag, kept.entered = max([self.served_tag, *own]) + 1, self.clock

    @precondition(lambda self: self.waiting())
    @rule(device=st.sampled_from(DEVICES))
    def serve(self, device: str) -> None:
        kept = self.waiting()[0]
        vgpu = next(key for key, other in self.expected.items() if other is kept)
        allowed = self.fits(device, kept.memory, kept.guarantee)
        self.ask(Ask(allowed, lambda change: queue.serve(change, {vgpu: device})))
        if allowed:
            self.served_tag = max(self.served_tag, kept.tag)
            kept.device, kept.reserved = device, (kept.memory, kept.guarantee)
            kept.entered = 0

    @rule(device=st.sampled_from(DEVICES), memory=st.just(WHOLE_MEMORY))
    def lose_or_return(self, device: str, memory: int) -> None:
        if self.present[device]:
            self.ask(Ask(True, lambda change: devices.lose(change, device)))
        else:
            self.ask(Ask(True, lambda change: put_device(change, device, memory * GIB)))
        for kept in self.expected.values():
            if kept.device == device and self.present[device] and kept.state is not S.FAILED:
                kept.failed_from, kept.state, kept.lost = kept.state, S.FAILED, True
            elif kept.device == device and not self.present[device] and kept.lost:
                back = kept.failed_from
                if back in (S.READY, S.LEASED):
                    back = S.LEASED if kept.leases else S.READY
                assert back
                kept.failed_from, kept.state, kept.lost = None, back, False
        self.present[device] = not self.present[device]

    def waiting(self) -> list[Expected]:
        found = [kept for kept in self.expected.values() if kept.entered]
        return sorted(found, key=lambda kept: (kept.tag, kept.entered))

    @invariant()
    def is_as_expected(self) -> None:
        with self.store.look() as view:
            assert_agree(view)
            every = vgpus.Filter(states=frozenset(S))
            found = {kept.id: kept for kept in vgpus.listed(view, every)}
            assert found.keys() == self.expected.keys()
            for key, kept in self.expected.items():
                there = found[key]
                assert (there.state, there.failed_from) == (kept.state, kept.failed_from)
                assert (there.generation, there.spec.memory) == (kept.generation, kept.memory * GIB)
                assert (there.reason_code == DeviceLost.code) == kept.lost
            in_force = {lease.id for lease in leases.listed(view)}
            assert in_force == {one for kept in self.expected.values() for one in kept.leases}
            order = [found[entry.vgpu].name for entry in queue.waiting(view)]
            assert order == [kept.name for kept in self.waiting()]
            for uuid in DEVICES:
                device = devices.get(view, uuid)
                here = [kept.reserved for kept in self.expected.values() if kept.device == uuid]
                assert device.reserved_memory == sum(memory for memory, _ in here) * GIB
                assert device.reserved_guarantee == sum(share for _, share in here) * 100
                assert device.present == self.present[uuid]


@pytest.mark.parametrize(("kind", "examples"), [("sqlite", 25), ("server", 8)])
def test_the_store_does_what_dictionaries_say(
    request: pytest.FixtureRequest, kind: str, examples: int
) -> None:
    class Machine(StoreMachine):
        place: Place = request.getfixturevalue(f"{kind}_place")

    run(Machine, settings=settings(max_examples=examples, stateful_step_count=30))
