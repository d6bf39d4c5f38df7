"""What the kernel's own mediated devices show and refuse; `make test-vm`, in its guest VM."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aliquot import words
from aliquot.devices.sysfs import Sysfs
from aliquot.errors import (
    HardwareChanged,
    KernelRefused,
    NoRoomForPartition,
    NoSuchPartitionType,
    PartitionExists,
)
from aliquot.modes.kernel import number_of
from aliquot.modes.mdev import Mdev
from tests.contract.modes.houses import vgpu
from tests.contract.modes.real_houses import REAL, DyingKernel
from tests.contract.modes.sample_houses import (
    SAMPLE_HOUSES,
    Mbochs,
    Mtty,
    SampleHouse,
    names,
)

pytestmark = pytest.mark.skipif(not REAL, reason="only in the guest VM of `make test-vm`")
_OTHERS = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.fixture
def mbochs(tmp_path: Path) -> Iterator[Mbochs]:
    house = Mbochs(tmp_path)
    yield house
    house.close()


@pytest.fixture(params=sorted(SAMPLE_HOUSES))
def sample(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SampleHouse]:
    house = SAMPLE_HOUSES[request.param](tmp_path)
    yield house
    house.close()


class Overtaken(DyingKernel):
    """A kernel at which somebody else is first, between the mode's look and its writing."""

    def __init__(self, house: SampleHouse, first: Callable[[], None]) -> None:
        super().__init__(house)
        self._first: Callable[[], None] | None = first

    def write(self, text: str, *parts: str) -> None:
        first, self._first = self._first, None
        if first is not None:
            first()
        super().write(text, *parts)


def test_types(mbochs: Mbochs, tmp_path: Path) -> None:
    types = {one.name: one for one in mbochs.mode().capabilities("mbochs").types}
    room = {name: one.available for name, one in types.items()}
    assert room == {"mbochs-small": 64, "mbochs-medium": 16, "mbochs-large": 4}
    # It describes itself in words of its own; mtty says nothing.
    assert {one.memory for one in types.values()} == {None}
    assert Sysfs().text(*mbochs.types, types["mbochs-small"].id, "description")
    mtty = Mtty(tmp_path / "mtty")
    ports = {one.name: one for one in mtty.mode().capabilities("mtty").types}
    assert {name: one.available for name, one in ports.items()} == {
        "Single port serial": 24,
        "Dual port serial": 12,
    }
    assert Sysfs().text(*mtty.types, ports["Dual port serial"].id, "description") is None
    for kind in (None, "mbochs-huge"):
        with pytest.raises(NoSuchPartitionType, match="mbochs-medium"):
            mbochs.mode().create(mbochs.wanted(type=kind))


def test_types_share_one_budget(mbochs: Mbochs) -> None:
    mode = mbochs.mode()
    for number in range(1, 4):
        mode.create(mbochs.wanted(number))
    for number in range(4, 7):
        mode.create(mbochs.wanted(number, type="mbochs-medium"))
    plan = mode.plan(mbochs.wanted(7, type="mbochs-medium"))
    assert list(plan.leaves.values()) == [0]
    room = {one.name: one.available for one in mode.capabilities("mbochs").types}
    assert room == {"mbochs-small": 4, "mbochs-medium": 1, "mbochs-large": 0}
    with pytest.raises(NoRoomForPartition):
        mode.create(mbochs.wanted(7))
    mode.create(mbochs.wanted(7, type="mbochs-medium"))
    for kind in ("mbochs-small", "mbochs-medium", "mbochs-large"):
        with pytest.raises(NoRoomForPartition):
            mode.create(mbochs.wanted(8, type=kind))
    mode.delete(vgpu(1))
    mode.create(mbochs.wanted(8, type="mbochs-small"))
    assert len(mode.adopt()) == 7


def test_the_last_room_is_taken_at_that_moment(mbochs: Mbochs) -> None:
    """The driver says ENOSPC, and nothing stays behind."""
    mode = mbochs.mode()
    made = mode.create(mbochs.wanted())
    for number in (2, 3):
        mode.create(mbochs.wanted(number))

    def first() -> None:
        mbochs.create(str(made.type), _OTHERS)

    late = Mdev(Overtaken(mbochs, first), mbochs.journal())
    try:
        with pytest.raises(NoRoomForPartition) as refused:
            late.create(mbochs.wanted(4))
        assert number_of(refused.value.__cause__ or refused.value) == 28  # ENOSPC
        assert _OTHERS in names("bus/mdev/devices")
        assert len(late.adopt()) == 3
    finally:
        mbochs.remove(_OTHERS)
    late.create(mbochs.wanted(4))


def test_an_mdev_that_somebody_else_made(mbochs: Mbochs) -> None:
    kind = next(one for one in names(*mbochs.types) if one.endswith("large"))
    mbochs.create(kind, vgpu(1))
    before = mbochs.state()
    try:
        with pytest.raises(PartitionExists):
            mbochs.mode().create(mbochs.wanted())
        assert mbochs.state() == before
        late = Mdev(Overtaken(mbochs, lambda: mbochs.create(kind, vgpu(2))), mbochs.journal())
        with pytest.raises(PartitionExists):
            late.create(mbochs.wanted(2))
        assert {vgpu(1), vgpu(2)} <= {*names("bus/mdev/devices")}, "it is another's"
        assert late.adopt() == []
    finally:
        for number in (1, 2):
            mbochs.remove(vgpu(number))


def test_another_of_the_same_uuid(mbochs: Mbochs) -> None:
    """Deleted behind our back, and made again as something else."""
    mode = mbochs.mode()
    made = mode.create(mbochs.wanted())
    mbochs.remove(made.id)
    small = next(one for one in names(*mbochs.types) if one.endswith("small"))
    mbochs.create(small, made.id)
    (line,) = mode.verify(made.vgpu)
    assert line.key == "why-mdev-type-is"
    assert small in words.english(line)
    with pytest.raises(HardwareChanged):
        mode.attach(made.vgpu)


def test_a_uuid_that_is_none(sample: SampleHouse) -> None:
    before = sample.state()
    for text in ("not-a-uuid", vgpu(1)[:-1], f"{vgpu(1)}0"):
        with pytest.raises(KernelRefused) as refused:
            sample.mode().create(sample.wanted(vgpu=text))
        assert number_of(refused.value) == 22  # EINVAL
        assert sample.mode().adopt() == []
        assert sample.state() == before


def test_a_vm_opens_the_group_that_it_is_told(sample: SampleHouse) -> None:
    mode = sample.mode()
    attachment = mode.attach(mode.create(sample.wanted()).vgpu)
    assert attachment.functions == ()
    assert attachment.path == f"/sys/bus/mdev/devices/{vgpu(1)}"
    assert [Path(file).is_char_device() for file in attachment.files] == [True, True]
    with open(attachment.files[-1], "rb+", buffering=0):
        pass
    mode.delete(vgpu(1))
    assert not Path(attachment.files[-1]).exists()
