"""mdev: types, UUIDs that are another's or none, and what no driver takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from aliquot.errors import KernelRefused, ModuleMissing, NoSuchPartitionType, PartitionExists
from tests.contract.modes.houses import GPU, MdevHouse, VirtualParentHouse, vgpu
from tests.fakes.kernel.machine import Machine


def test_an_mdev_that_somebody_else_made(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    house = MdevHouse(tmp_path, sysfs, machine)
    machine.mdev.parents[GPU].create("nvidia-558", vgpu(1))
    before = house.state()
    with pytest.raises(PartitionExists):
        house.mode().create(house.wanted())
    assert house.state() == before
    # One that comes between the look and the writing: the kernel says so, and it is left alone.
    other = MdevHouse.mode(house)
    parent = machine.mdev.parents[GPU]
    create = parent.create

    def first_somebody_else(kind: str, text: str) -> None:
        create(kind, text)
        create(kind, text)

    parent.create = first_somebody_else
    with pytest.raises(PartitionExists):
        other.create(house.wanted(2))
    assert vgpu(2) in parent.made
    assert other.adopt() == []


@pytest.mark.parametrize("text", ["not-a-uuid", vgpu(1)[:-1], f"{vgpu(1)}0"])
def test_a_uuid_that_is_none(text: str, tmp_path: Path, machine: Machine, sysfs: str) -> None:
    house = MdevHouse(tmp_path, sysfs, machine)
    before = house.state()
    with pytest.raises(KernelRefused):
        house.mode().create(house.wanted(vgpu=text))
    assert house.state() == before
    assert house.mode().adopt() == []


def test_mdev_types(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    house = MdevHouse(tmp_path, sysfs, machine)
    mode = house.mode()
    types = {one.id: one for one in mode.capabilities(GPU).types}
    assert (types["nvidia-558"].memory, types["nvidia-558"].most) == (4 << 30, 12)
    assert (types["nvidia-559"].memory, types["nvidia-559"].most) == (None, None)
    assert [one.available for one in types.values()] == [2, 1]
    for kind, memory in (("A40-99Q", None), (None, None), (None, 64 << 30)):
        with pytest.raises(NoSuchPartitionType, match="A40-4Q"):
            mode.create(house.wanted(type=kind, memory=memory))
    made = mode.create(house.wanted(type=None, memory=3 << 30))
    assert (made.type, made.memory) == ("nvidia-558", 4 << 30)
    assert mode.plan(house.wanted(2)).leaves == {"nvidia-558": 0}
    attachment = mode.attach(made.vgpu)
    assert attachment.path == f"{sysfs}/bus/mdev/devices/{vgpu(1)}"
    assert attachment.files == ("/dev/vfio/vfio", "/dev/vfio/901")


def test_an_mdev_that_no_driver_takes(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    house = VirtualParentHouse(tmp_path, sysfs, machine)
    machine.mdev.driver = False
    made = house.mode().create(house.wanted())
    with pytest.raises(ModuleMissing, match="vfio_mdev"):
        house.mode().attach(made.vgpu)
