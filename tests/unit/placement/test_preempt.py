"""Whom to suspend: only who may be, and the cheapest that is enough."""

from __future__ import annotations

import itertools

from hypothesis import given, settings

from aliquot.model.shares import PriorityClass
from aliquot.placement import Demand, DeviceView, VgpuView, victims
from tests.unit.placement.worlds import demands, may_go, worlds


def newest_first(vgpus: tuple[VgpuView, ...]) -> list[tuple[int, ...]]:
    """A key that is the smaller the newer the vGPUs are."""
    return sorted(tuple(-ord(letter) for letter in vgpu.id) for vgpu in vgpus)


def cheapest(wanted: Demand, devices: list[DeviceView]) -> tuple[int, int] | None:
    """Count and memory of the cheapest set, by trying all of them."""
    found: list[tuple[int, int]] = []
    for at, device in enumerate(devices):
        allowed = [
            vgpu for vgpu in device.vgpus
            if vgpu.preemptible and vgpu.priority is PriorityClass.BATCH
        ]  # fmt: skip
        for count in range(1, len(allowed) + 1):
            for chosen in itertools.combinations(allowed, count):
                after = list(devices)
                after[at] = device.without(chosen)
                if may_go(wanted, after[at], after):
                    found.append((count, sum(vgpu.memory for vgpu in chosen)))
    return min(found, default=None)


@settings(max_examples=150)
@given(demands(), worlds(most_vgpus=6))
def test_the_cheapest_that_is_enough_is_suspended(
    wanted: Demand, devices: list[DeviceView]
) -> None:
    settled = [device.settled() for device in devices]
    found = victims(wanted, devices)
    needed = not any(may_go(wanted, device, settled) for device in settled)
    if wanted.priority is PriorityClass.BATCH or wanted.memory is None or not needed:
        assert found is None
        return
    best = cheapest(wanted, settled)
    assert (found is None) == (best is None)
    if found is None:
        return
    assert found.cost[:2] == best
    for vgpu in found.vgpus:
        assert vgpu.preemptible
        assert vgpu.priority is PriorityClass.BATCH
        assert not vgpu.leaving
    at = next(n for n, device in enumerate(settled) if device.uuid == found.device.uuid)
    # Of those that cost the same, the newest.
    for other in itertools.combinations(settled[at].vgpus, len(found.vgpus)):
        allowed = all(v.preemptible and v.priority is PriorityClass.BATCH for v in other)
        if allowed and sum(v.memory for v in other) == best[1]:  # type: ignore[index]
            after = list(settled)
            after[at] = settled[at].without(other)
            if may_go(wanted, after[at], after):
                assert newest_first(found.vgpus) <= newest_first(other)


def batch(number: int, memory: int, guarantee: int = 0) -> VgpuView:
    return VgpuView(
        id=f"{number:04}", name=f"v{number}", tenant="bob", memory=memory, guarantee=guarantee,
        priority=PriorityClass.BATCH, preemptible=True,
    )  # fmt: skip


def test_many_alike_are_no_long_search() -> None:
    there = tuple(batch(number, 10) for number in range(300))
    full = DeviceView(uuid="d", name="GPU", memory=3000, free_memory=0, vgpus=there)
    found = victims(Demand(tenant="alice", memory=95), [full])
    assert found
    assert [vgpu.id for vgpu in found.vgpus] == [f"{number:04}" for number in range(299, 289, -1)]


def test_a_search_that_is_cut_off_still_frees_enough_and_nobody_in_vain() -> None:
    there = tuple(batch(n, 1000 + 37 * n % 501, 10 + 53 * n % 97) for n in range(150))
    memory = sum(vgpu.memory for vgpu in there)
    promised = sum(vgpu.guarantee for vgpu in there)
    full = DeviceView(
        uuid="d", name="GPU", memory=memory, free_memory=0, free_guarantee=10_000 - promised,
        vgpus=there,
    )  # fmt: skip
    wanted = Demand(tenant="alice", memory=43_210, guarantee=10_000 - promised + 3_100)
    found = victims(wanted, [full])
    assert found
    assert may_go(wanted, full.without(found.vgpus), [full])
    for vgpu in found.vgpus:
        kept = [other for other in found.vgpus if other is not vgpu]
        assert not may_go(wanted, full.without(kept), [full])
