"""Places for groups: all or none, and the same as trying everything."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from aliquot.placement import Demand, DeviceView, assign, misfit
from tests.unit.placement.worlds import demands, may_go, worlds

GIB = 1 << 30


@st.composite
def members(draw: st.DrawFn, *, sized: bool) -> list[Demand]:
    count = draw(st.integers(1, 4))
    return [draw(demands(sized=sized, number=str(at))) for at in range(count)]


def fit_all(demands: list[Demand], where: tuple[int, ...], devices: list[DeviceView]) -> bool:
    """Whether they fit there, one after the other."""
    now = list(devices)
    for demand, at in zip(demands, where, strict=True):
        if not may_go(demand, now[at], now):
            return False
        now[at] = now[at].with_vgpu(demand.placed(demand.memory or now[at].room_memory))
    return True


def possible(demands: list[Demand], devices: list[DeviceView], *, spread: bool) -> bool:
    return any(
        (not spread or len(set(where)) == len(where)) and fit_all(demands, where, devices)
        for where in itertools.product(range(len(devices)), repeat=len(demands))
    )


@settings(max_examples=150)
@given(st.data(), worlds(), st.booleans())
def test_all_get_a_place_where_that_can_be(
    data: st.DataObject, devices: list[DeviceView], spread: bool
) -> None:
    wanted = data.draw(members(sized=not spread))
    found = assign(wanted, devices, spread=spread)
    assert not found.cut_off
    assert (found.choices is not None) == possible(wanted, devices, spread=spread)
    first = misfit(wanted, devices, spread=spread)
    assert (first is None) == (found.choices is not None)
    if first is not None:
        assert possible(wanted[:first], devices, spread=spread)
        assert not possible(wanted[: first + 1], devices, spread=spread)
    if found.choices is not None:
        uuids = [device.uuid for device in devices]
        where = tuple(uuids.index(choice.device.uuid) for choice in found.choices)
        assert fit_all(wanted, where, devices)
        assert not spread or len(set(where)) == len(where)


def test_a_hard_question_is_cut_off_and_says_so() -> None:
    devices = [
        DeviceView(uuid=f"d{n}", name="GPU", memory=1000, free_memory=900 - n) for n in range(12)
    ]
    # Odd sizes that leave a gap on every device: there are too many ways to try.
    wanted = [
        Demand(tenant="alice", memory=301 + n % 7, name=str(n), labels={"n": str(n)})
        for n in range(30)
    ]
    found = assign(wanted, devices, spread=False)
    assert found.choices is None
    assert found.cut_off


def test_alike_devices_are_tried_once() -> None:
    devices = [
        DeviceView(uuid=f"d{n}", name="GPU", memory=16 * GIB, free_memory=16 * GIB)
        for n in range(16)
    ]
    wanted = [Demand(tenant="alice", memory=9 * GIB, name=str(n)) for n in range(17)]
    found = assign(wanted, devices, spread=False)
    assert (found.choices, found.cut_off) == (None, False)
    assert misfit(wanted, devices, spread=False) == 16
    found = assign(wanted[:16], devices, spread=False)
    assert found.choices
    assert len({choice.device.uuid for choice in found.choices}) == 16
