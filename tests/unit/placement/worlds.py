"""Small worlds for placement, made at random: sizes in single digits, so that all can be tried."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st

from aliquot.model.shares import WHOLE, PriorityClass
from aliquot.model.vgpu_record import Placement
from aliquot.placement import Demand, DeviceView, VgpuView

TENANTS = ("alice", "bob")
LABELS = st.sampled_from([{}, {"app": "db"}, {"app": "web"}])
UUIDS = ("d0", "d1", "d2")
CLASSES = st.sampled_from(list(PriorityClass))
# Most devices have none.
MIXES = st.one_of(
    st.just({}),
    st.just({}),
    st.dictionaries(st.tuples(CLASSES, CLASSES), st.integers(0, 2), max_size=2),
)


@st.composite
def vgpu_views(draw: st.DrawFn, number: str) -> VgpuView:
    """A vGPU with a place."""
    return VgpuView(
        id=number,
        name=f"v{number}",
        tenant=draw(st.sampled_from(TENANTS)),
        memory=draw(st.integers(1, 5)),
        guarantee=draw(st.sampled_from([0, 0, 1000, 2500])),
        priority=draw(st.sampled_from(list(PriorityClass))),
        labels=draw(LABELS),
        apart=draw(st.sampled_from([None, None, "app"])),
        movable=draw(st.booleans()),
        preemptible=draw(st.booleans()),
        leaving=draw(st.sampled_from([False, False, False, True])),
        shown=draw(st.sampled_from([True, True, False])),
    )


@st.composite
def device_views(draw: st.DrawFn, uuid: str, *, most_vgpus: int = 4) -> DeviceView:
    """A device whose vGPUs have their places within it."""
    memory = draw(st.integers(4, 16))
    free_memory, free_guarantee = memory, WHOLE
    there: list[VgpuView] = []
    for number in range(draw(st.integers(0, most_vgpus))):
        vgpu = draw(vgpu_views(f"{uuid}-{number}"))
        if vgpu.memory <= free_memory and vgpu.guarantee <= free_guarantee:
            there.append(vgpu)
            free_memory -= vgpu.memory
            free_guarantee -= vgpu.guarantee
    return DeviceView(
        uuid=uuid,
        name=uuid.upper(),
        memory=memory,
        free_memory=free_memory,
        free_guarantee=free_guarantee,
        held_memory=draw(st.sampled_from([0, 0, 0, 2])),
        present=draw(st.sampled_from([True] * 5 + [False])),
        remotable=draw(st.sampled_from([True] * 5 + [False])),
        simulated=draw(st.sampled_from([False] * 5 + [True])),
        software=draw(st.booleans()),
        mix=draw(MIXES),
        held_classes=tuple(draw(st.lists(CLASSES, max_size=1))),
        vgpus=tuple(there),
    )


@st.composite
def worlds(draw: st.DrawFn, *, most_vgpus: int = 4) -> list[DeviceView]:
    """One to three devices."""
    count = draw(st.integers(1, 3))
    return [draw(device_views(uuid, most_vgpus=most_vgpus)) for uuid in UUIDS[:count]]


@st.composite
def demands(draw: st.DrawFn, *, sized: bool = False, number: str = "") -> Demand:
    """Something that is asked for."""
    memory = st.integers(1, 12)
    return Demand(
        tenant=draw(st.sampled_from(TENANTS)),
        memory=draw(memory if sized else st.one_of(memory, memory, st.none())),
        guarantee=draw(st.sampled_from([0, 0, 1000, 5000, WHOLE])),
        priority=draw(st.sampled_from(list(PriorityClass))),
        device=draw(st.sampled_from([None, None, None, "d0", "d1"])),
        placement=draw(st.sampled_from(list(Placement))),
        apart=draw(st.sampled_from([None, "app"])),
        labels=draw(LABELS),
        id=f"~{number}" if number else "",
        name=number or "asked",
    )


def may_go(demand: Demand, device: DeviceView, devices: list[DeviceView]) -> bool:
    """Whether a demand fits, in other words than the code's."""
    if demand.device is not None:
        suitable = demand.device == device.uuid
    else:
        suitable = not device.simulated or all(one.simulated for one in devices)
    alone = not any(
        vgpu.tenant == demand.tenant
        and "app" in demand.labels
        and vgpu.labels == demand.labels
        and "app" in (demand.apart, vgpu.apart)
        for vgpu in device.vgpus
    )
    memory = demand.memory if demand.memory is not None else 1
    classes = Counter([*(vgpu.priority for vgpu in device.vgpus), *device.held_classes])
    classes[demand.priority] += 1
    # Those who are there already may be too many for the mix; then nobody comes whom it is about.
    mixed = all(
        classes[second] - (first is second) <= most
        for (first, second), most in device.mix.items()
        if classes[first] and demand.priority in (first, second)
    )
    return (
        suitable
        and mixed
        and device.present
        and device.remotable
        and alone
        and memory + device.held_memory <= device.free_memory
        and demand.guarantee <= max(0, device.free_guarantee - device.held_guarantee)
    )
