"""What is told of a demand: true, and the least that is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aliquot.model.api.vgpus import Plan
from aliquot.model.shares import PriorityClass
from aliquot.placement import Demand, DeviceView, VgpuView, choose, remedies, verdicts, why_not
from aliquot.sizes import parse_size
from aliquot.words import english, exact, sentence
from tests.unit.placement.worlds import demands, may_go, worlds

GIB = 1 << 30


def changed_fields(one: Demand, other: Demand) -> set[str]:
    return {
        field for field in one.__struct_fields__ if getattr(one, field) != getattr(other, field)
    }


@settings(max_examples=200)
@given(demands(), worlds())
def test_every_remedy_is_true_and_a_single_thing(wanted: Demand, devices: list[DeviceView]) -> None:
    found = remedies(wanted, devices)
    if choose(wanted, devices) is not None:
        assert found == []
    for remedy in found:
        assert any(may_go(remedy.demand, one, remedy.devices) for one in remedy.devices)
        fields = changed_fields(wanted, remedy.demand)
        assert len(fields) + (remedy.devices != devices) <= 1 or _after_suspension(
            remedy.devices, devices
        )
        for field, step in (("memory", 1), ("guarantee", 1)):
            if field in fields:  # a smaller change would not do
                more = {field: getattr(remedy.demand, field) + step}
                less_changed = msgspec.structs.replace(remedy.demand, **more)
                assert not any(may_go(less_changed, one, devices) for one in devices)


def test_a_move_that_would_only_serve_who_waits_is_no_remedy() -> None:
    there = VgpuView(id="1", name="there", tenant="alice", memory=4 * GIB, movable=True)
    gpus = [
        DeviceView(
            uuid="a",
            name="a",
            memory=16 * GIB,
            free_memory=2 * GIB,
            held_memory=6 * GIB,
            vgpus=(there,),
        ),
        DeviceView(uuid="b", name="b", memory=4 * GIB, free_memory=4 * GIB, held_guarantee=1),
    ]
    wanted = Demand(tenant="alice", memory=4 * GIB, guarantee=10_000, device="a")
    assert remedies(wanted, gpus) == []
    assert remedies(msgspec.structs.replace(wanted, guarantee=0, memory=5 * GIB), gpus) == []


def _after_suspension(after: list[DeviceView], before: list[DeviceView]) -> bool:
    gone = {v.id for d in before for v in d.vgpus} - {v.id for d in after for v in d.vgpus}
    lost = [v for d in before for v in d.vgpus if v.id in gone and not v.leaving]
    return len(lost) == 1 and lost[0].preemptible and lost[0].priority is PriorityClass.BATCH


@settings(max_examples=200)
@given(demands(sized=True), worlds())
def test_where_a_single_change_helps_it_is_told(wanted: Demand, devices: list[DeviceView]) -> None:
    if any(may_go(wanted, one, devices) for one in devices):
        return
    told = [changed_fields(wanted, remedy.demand) for remedy in remedies(wanted, devices)]

    def helps(**fields: Any) -> bool:
        other = msgspec.structs.replace(wanted, **fields)
        return any(may_go(other, one, devices) for one in devices)

    assert wanted.memory
    assert ({"memory"} in told) == any(helps(memory=m) for m in range(1, wanted.memory))
    assert ({"guarantee"} in told) == (wanted.guarantee > 0 and helps(guarantee=0))
    assert ({"priority"} in told) == any(helps(priority=other) for other in PriorityClass)
    assert ({"device"} in told) == (wanted.device is not None and helps(device=None))
    assert ({"apart"} in told) == (wanted.apart is not None and helps(apart=None))
    moves = [
        (vgpu, source, target)
        for source in devices
        for vgpu in source.vgpus
        for target in devices
        if vgpu.movable and vgpu.shown and not vgpu.leaving and target is not source
        and _moved(wanted, devices, vgpu, source, target)
    ]  # fmt: skip
    told_moves = [r for r in remedies(wanted, devices) if " moved " in r.words]
    if moves or any(" moved from " in r.words for r in told_moves):
        assert moves
        assert len(told_moves) == 1
        least = min(vgpu.memory for vgpu, _, _ in moves)
        assert any(
            f"{vgpu.name!r}" in told_moves[0].words for vgpu, _, _ in moves if vgpu.memory == least
        )


def _moved(
    wanted: Demand,
    devices: list[DeviceView],
    vgpu: VgpuView,
    source: DeviceView,
    target: DeviceView,
) -> bool:
    if source.simulated != target.simulated:
        return False
    mover = Demand(
        tenant=vgpu.tenant, memory=vgpu.memory, guarantee=vgpu.guarantee, labels=vgpu.labels,
        apart=vgpu.apart, device=target.uuid, priority=vgpu.priority,
    )  # fmt: skip
    if not may_go(mover, target, devices):
        return False
    after = [
        one.without([vgpu]) if one is source else one.with_vgpu(vgpu) if one is target else one
        for one in devices
    ]
    return any(may_go(wanted, one, after) for one in after)


@given(demands(), worlds())
def test_every_device_has_its_sentence(wanted: Demand, devices: list[DeviceView]) -> None:
    found = verdicts(wanted, devices)
    assert [one.device for one in found] == devices
    for one in found:
        assert one.fits == may_go(wanted, one.device, devices)
        assert one.why
        assert not one.why.endswith(".")
    best = choose(wanted, devices)
    if best is not None:
        assert next(one for one in found if one.device is best.device).fullness == best.fullness
    assert english(why_not(wanted, devices))
    # Nothing of it is English alone.
    for lines in [*(one.lines for one in found), [why_not(wanted, devices)]]:
        assert sentence("zh", lines)
    assert all(sentence("zh", [remedy.line]) for remedy in remedies(wanted, devices))


@given(st.integers(1, 1 << 62))
@example((1 << 62) - 1)
def test_sizes_are_told_exactly(size: int) -> None:
    assert parse_size(exact(size)) == size


def a_device(uuid: str, free: int, *there: VgpuView, **more: Any) -> DeviceView:
    return DeviceView(
        uuid=uuid, name="GPU", memory=16 * GIB, free_memory=free * GIB, vgpus=there, **more
    )


def test_the_document_shows_what_is_told() -> None:
    page = (Path(__file__).parents[3] / "docs" / "placement.md").read_text()
    shown = json.loads(page.split("```json")[1].split("```")[0])
    batch = VgpuView(
        id="1", name="night", tenant="bob", memory=8 * GIB, preemptible=True, movable=True,
        priority=PriorityClass.BATCH,
    )  # fmt: skip
    devices = [a_device("a", 2, batch), a_device("b", 9)]
    wanted = Demand(tenant="alice", memory=10 * GIB)
    assert shown["why"] == english(why_not(wanted, devices))
    assert shown["changes"] == [remedy.words for remedy in remedies(wanted, devices)]
    assert [one["why"] for one in shown["candidates"]] == [
        one.why for one in verdicts(wanted, devices)
    ]
    msgspec.convert(shown, Plan)


def test_the_words() -> None:
    batch = VgpuView(
        id="1", name="night", tenant="bob", memory=8 * GIB, preemptible=True, movable=True,
        priority=PriorityClass.BATCH,
    )  # fmt: skip
    devices = [a_device("a", 2, batch), a_device("b", 9), a_device("c", 16, present=False)]
    wanted = Demand(tenant="alice", memory=10 * GIB)
    assert [one.why for one in verdicts(wanted, devices)] == [
        "2 GiB is free of 16 GiB, 10 GiB are asked for",
        "9 GiB is free of 16 GiB, 10 GiB are asked for",
        "it is gone",
    ]
    assert [remedy.words for remedy in remedies(wanted, devices)] == [
        "with 9 GiB of memory, 1 GiB less, it fits on GPU (b)",
        "with vGPU 'night' (8 GiB) moved from GPU (a) to GPU (b), it fits on GPU (a); the move "
        "takes about 2 s",
        "with the batch vGPU 'night' (8 GiB) suspended, as its owner allows, it fits on GPU (a); "
        "whoever waits in the queue gets that done",
    ]
    told = english(why_not(wanted, devices))
    assert told == "GPU (b): 9 GiB is free of 16 GiB, 10 GiB are asked for"
    assert verdicts(msgspec.structs.replace(wanted, memory=4 * GIB), devices)[1].why == (
        "4 GiB of memory fit; it would be 69 % full"
    )


def test_several_moves_are_told_with_what_they_cost() -> None:
    there = [
        VgpuView(id=str(at), name=f"v{at}", tenant="alice", memory=6 * GIB, movable=True)
        for at in range(2)
    ]
    devices = [a_device("a", 4, *there), a_device("b", 7), a_device("c", 8)]
    wanted = Demand(tenant="alice", memory=16 * GIB)
    assert remedies(wanted, devices)[-1].words == (
        "with 2 vGPUs moved one after the other it fits on GPU (a); the moves take about 3 s for "
        "12 GiB: 'v0' (6 GiB) to GPU (b); 'v1' (6 GiB) to GPU (c)"
    )


def test_a_mix_of_classes_is_told() -> None:
    latency, batch = PriorityClass.LATENCY, PriorityClass.BATCH
    night = VgpuView(id="1", name="night", tenant="bob", memory=GIB, priority=batch, shown=False)
    devices = [a_device("a", 8, night, mix={(latency, batch): 0})]
    wanted = Demand(tenant="alice", memory=GIB, priority=latency)
    why = (
        "its mix of priority classes: beside a vGPU of class latency at most 0 of class batch may "
        "be"
    )
    assert [one.why for one in verdicts(wanted, devices)] == [why]
    assert [remedy.words for remedy in remedies(wanted, devices)] == [
        "of class normal instead of latency, it fits on GPU (a)",
        "of class batch instead of latency, it fits on GPU (a)",
    ]
    # By the word of whoever is there as of whoever comes, and of who waits for room there.
    waits = a_device("a", 8, mix={(latency, batch): 0}, held_classes=(latency,))
    asked = msgspec.structs.replace(wanted, priority=batch, preemptible=True)
    (verdict,) = verdicts(asked, [waits])
    assert verdict.why == f"{why}; who waits longer counts as there"
    assert remedies(asked, [waits]) == []  # only one of class batch can be preemptible


def test_what_is_another_tenants_is_not_named() -> None:
    batch = VgpuView(
        id="1", name="secret", tenant="bob", memory=8 * GIB, preemptible=True, movable=True,
        priority=PriorityClass.BATCH, shown=False,
    )  # fmt: skip
    devices = [a_device("a", 2, batch), a_device("b", 9)]
    wanted = Demand(tenant="alice", memory=10 * GIB)
    told = [*(r.words for r in remedies(wanted, devices)), english(why_not(wanted, devices))]
    told += [one.why for one in verdicts(wanted, devices)]
    assert not any("secret" in words or "bob" in words for words in told)
    assert any("a batch vGPU of another tenant" in words for words in told)
