"""Whose turn it is in the queue: nobody starves, and nothing is given away twice."""

from __future__ import annotations

import random
from typing import NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from aliquot.model.shares import PriorityClass
from aliquot.placement import Demand, DeviceView, VgpuView, Waiter, choose, serve
from aliquot.placement.waiting import PATIENCE_MS
from tests.unit.placement.worlds import demands, may_go, worlds

TICK_MS = PATIENCE_MS // 3
LONGEST_LIFE = 3  # ticks


def device(uuid: str, free: int, *there: VgpuView, memory: int = 16) -> DeviceView:
    return DeviceView(uuid=uuid, name=uuid, memory=memory, free_memory=free, vgpus=there)


def waiter(memory: int, since_ms: int = 0, **more: object) -> Waiter:
    wanted = Demand(tenant="alice", memory=memory, name=f"{memory}", **more)  # type: ignore[arg-type]
    return Waiter((wanted,), since_ms)


def placed(waiters: list[Waiter], devices: list[DeviceView], now_ms: int = 0) -> list[str | None]:
    found = serve(waiters, devices, now_ms).turns
    return [turn.choices[0].device.uuid if turn.choices else None for turn in found]


@settings(max_examples=150)
@given(st.data(), worlds(), st.sampled_from([0, PATIENCE_MS]))
def test_what_is_given_out_is_there_and_once(
    data: st.DataObject, devices: list[DeviceView], now_ms: int
) -> None:
    count = data.draw(st.integers(1, 4))
    waiting = [
        Waiter(
            tuple(
                data.draw(demands(sized=True, number=f"{at}.{member}"))
                for member in range(data.draw(st.sampled_from([1, 1, 2])))
            ),
            0,
            spread=data.draw(st.booleans()),
        )
        for at in range(count)
    ]
    done = serve(waiting, devices, now_ms)
    assert len(done.turns) == count
    now = {one.uuid: one for one in devices}
    suspended: set[str] = set()
    for each, turn in zip(waiting, done.turns, strict=True):
        assert turn.choices is None or len(turn.choices) == len(each.demands)
        for demand, choice in zip(each.demands, turn.choices or (), strict=False):
            there = now[choice.device.uuid]
            assert may_go(demand, there, list(now.values()))
            now[there.uuid] = there.with_vgpu(demand.placed(choice.memory))
        if turn.preemption:
            assert turn.choices is None
            gone = {vgpu.id for vgpu in turn.preemption.vgpus}
            assert gone.isdisjoint(suspended)
            suspended |= gone
    # Whoever is first and fits is served, whatever else is there.
    if len(waiting[0].demands) == 1:
        fits = choose(waiting[0].demands[0], devices) is not None
        assert fits == (done.turns[0].choices is not None)


def test_an_impatient_one_is_overtaken_no_more() -> None:
    devices = [device("d", 4)]
    waiting = [waiter(10), waiter(3)]
    assert placed(waiting, devices, PATIENCE_MS - 1) == [None, "d"]
    assert placed(waiting, devices, PATIENCE_MS) == [None, None]


def test_what_can_not_delay_it_goes_by() -> None:
    held = device("d", 8)
    held = msgspec.structs.replace(held, free_guarantee=0)
    waiting = [waiter(2, guarantee=1000), waiter(6), waiter(1)]
    assert placed(waiting, [held], PATIENCE_MS) == [None, "d", None]


def test_room_is_kept_where_the_least_is_lacking() -> None:
    devices = [device("far", 2), device("near", 9)]
    assert placed([waiter(12), waiter(2)], devices, PATIENCE_MS) == [None, "far"]
    assert placed([waiter(12), waiter(3)], devices, PATIENCE_MS) == [None, None]


def test_what_is_about_to_be_free_is_kept_at_once() -> None:
    leaving = VgpuView(id="1", name="v", tenant="bob", memory=8, leaving=True)
    assert placed([waiter(10), waiter(4)], [device("d", 4, leaving)]) == [None, None]
    staying = msgspec.structs.replace(leaving, leaving=False)
    assert placed([waiter(10), waiter(4)], [device("d", 4, staying)]) == [None, "d"]


def test_who_can_go_nowhere_keeps_nothing() -> None:
    lost = msgspec.structs.replace(device("lost", 16), present=False)
    waiting = [waiter(17), waiter(10, device="lost"), waiter(4)]
    assert placed(waiting, [device("d", 4), lost], PATIENCE_MS) == [None, None, "d"]


def test_those_suspended_for_one_are_not_suspended_for_the_next() -> None:
    batch = [
        VgpuView(
            id=str(n), name=f"v{n}", tenant="bob", memory=8, preemptible=True,
            priority=PriorityClass.BATCH,
        )
        for n in range(2)
    ]  # fmt: skip
    done = serve([waiter(8), waiter(8), waiter(8)], [device("d", 0, *batch)], 0)
    gone = [turn.preemption and [vgpu.id for vgpu in turn.preemption.vgpus] for turn in done.turns]
    assert gone == [["1"], ["0"], None]


class _Waiting(NamedTuple):
    tag: int
    number: int
    tenant: str
    waiter: Waiter


class _Town:
    """Tenants who ask, at every tick, for as much as random numbers tell; and the store's order."""

    def __init__(self, numbers: random.Random) -> None:
        self.numbers = numbers
        self.devices = [device("d0", 8, memory=8), device("d1", 10, memory=10)]
        self.waiting: list[_Waiting] = []
        self.ends: list[tuple[int, str, VgpuView]] = []
        self.first_for: dict[int, int] = {}  # by number, for how many ticks it was the first
        self.tag = self.number = self.served = 0

    def ask(self, tick: int, tenant: str, memory: int, spread: bool, members: int) -> None:
        own = [one.tag for one in self.waiting if one.tenant == tenant]
        self.number += 1
        wanted = tuple(
            Demand(
                tenant=tenant, memory=memory, name=f"{self.number}.{at}", id=f"{self.number}.{at}"
            )
            for at in range(members)
        )
        asked = Waiter(wanted, tick * TICK_MS, spread)
        tag = max([self.tag, *own]) + 1
        self.waiting.append(_Waiting(tag, self.number, tenant, asked))
        self.waiting.sort()

    def step(self, tick: int) -> None:
        for end, uuid, vgpu in [one for one in self.ends if one[0] <= tick]:
            self.ends.remove((end, uuid, vgpu))
            self.devices = [
                one.without([vgpu]) if one.uuid == uuid else one for one in self.devices
            ]
        turns = serve([one.waiter for one in self.waiting], self.devices, tick * TICK_MS).turns
        for one, turn in zip(list(self.waiting), turns, strict=True):
            if turn.choices is None:
                continue
            self.waiting.remove(one)
            self.served += 1
            self.tag = max(self.tag, one.tag)
            for demand, choice in zip(one.waiter.demands, turn.choices, strict=True):
                vgpu = demand.placed(choice.memory)
                uuid = choice.device.uuid
                self.devices = [
                    there.with_vgpu(vgpu) if there.uuid == uuid else there for there in self.devices
                ]
                self.ends.append((tick + self.numbers.randint(1, LONGEST_LIFE), uuid, vgpu))
        assert all(one.free_memory >= 0 for one in self.devices)
        if self.waiting:
            first = self.waiting[0].number
            self.first_for[first] = self.first_for.get(first, 0) + 1


@settings(max_examples=25)
@given(st.integers(0, 1 << 32))
def test_whoever_is_first_is_served_soon_however_many_small_ones_come(
    seed: int,
) -> None:
    numbers = random.Random(seed)
    town = _Town(numbers)
    for tick in range(80):
        for tenant in ("alice", "bob", "carol"):
            for _ in range(numbers.randint(0, 3)):
                town.ask(tick, tenant, numbers.randint(1, 3), True, 1)
        if tick % 10 == 0:
            town.ask(tick, "dave", numbers.randint(7, 8), True, 1)
        if tick % 20 == 5:
            town.ask(tick, "erin", numbers.randint(5, 8), True, 2)
        town.step(tick)
    # Patience, then until what is on its devices has ended; again where another came nearer.
    assert max(town.first_for.values()) <= 3 + 2 * LONGEST_LIFE
    assert town.served > 40
