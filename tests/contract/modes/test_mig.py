"""MIG: instances of ours and of others, and an NVML that is off, silent or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from aliquot.errors import (
    DeviceInUse,
    KernelRefused,
    ModeUnavailable,
    ModuleMissing,
    NoRoomForPartition,
    NoSuchPartitionType,
)
from aliquot.modes.journal import Entry, Stage
from aliquot.modes.mig.mode import Mig
from tests.contract.modes.houses import GPU, MigHouse, vgpu
from tests.fakes.kernel.machine import Machine
from tests.fakes.nvml_mig import Placement


def test_mig(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    house = MigHouse(tmp_path, sysfs, machine)
    mode = house.mode()
    plan = mode.plan(house.wanted(type="1g.10gb"))
    assert plan.target == f"{GPU} 6+1"
    assert (plan.leaves["4g.40gb"], plan.leaves["7g.80gb"]) == (1, 0)
    made = mode.create(house.wanted(type="1g.10gb"))
    assert made.id.startswith("MIG-")
    assert mode.attach(made.vgpu).environment["CUDA_VISIBLE_DEVICES"] == made.id
    assert house.library.placed() == {(19, 6)}
    with pytest.raises(NoSuchPartitionType, match=r"4g\.40gb"):
        mode.create(house.wanted(2, type="5g"))
    sized = mode.create(house.wanted(2, type=None, memory=30 << 30))
    assert sized.type == "5" or sized.type == "9"
    mode.delete(made.vgpu)


def test_mig_that_is_off_is_not_switched_on(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    house = MigHouse(tmp_path, sysfs, machine)
    house._set(mode=[0, 0])
    told = house.mode().capabilities(GPU)
    assert [line.key for line in told.ability.lines] == ["why-mig-off"]
    with pytest.raises(ModeUnavailable):
        house.mode().create(house.wanted())
    assert house.library.calls == []


def test_an_instance_that_a_program_computes_on_is_never_ended(
    tmp_path: Path, machine: Machine, sysfs: str
) -> None:
    house = MigHouse(tmp_path, sysfs, machine)
    mode = house.mode()
    made = mode.create(house.wanted())
    house._set(processes={made.id: [4242]})
    # NVML that can't tell who computes: then nobody is promised to be idle.
    house.library.failing = {"nvmlDeviceGetComputeRunningProcesses": 3}
    calls = len(house.library.calls)
    with pytest.raises(KernelRefused):
        mode.delete(made.vgpu)
    house.library.failing = {}
    with pytest.raises(DeviceInUse):
        mode.delete(made.vgpu)
    # And were it ours that was being ended when we died, it is left as well.
    journal = house.journal()
    (entry,) = journal.entries()
    journal.put(
        type(entry)(
            **{**{f: getattr(entry, f) for f in entry.__struct_fields__}, "stage": Stage.ENDING}
        )
    )
    (line,) = house.mode().recover()
    assert line.key == "why-not-undone"
    assert len(house.library.calls) == calls


def test_somebody_elses_instance_at_the_same_place_is_left(
    tmp_path: Path, machine: Machine, sysfs: str
) -> None:
    """Theirs came between looking and making, or between that and a death."""
    house = MigHouse(tmp_path, sysfs, machine)
    mode = house.mode()
    make = house.library.nvmlDeviceCreateGpuInstanceWithPlacement

    def others_first(device: str, profile: int, placement: Placement) -> int:
        number = make(device, profile, placement)
        house.library.nvmlGpuInstanceCreateComputeInstance(number, 2)
        return make(device, profile, placement)

    house.library.nvmlDeviceCreateGpuInstanceWithPlacement = others_first  # type: ignore[method-assign]
    with pytest.raises(NoRoomForPartition):
        mode.create(house.wanted())
    theirs = house.library.placed()
    assert len(theirs) == 1
    assert house.journal().entries() == []
    # The intent of one who died before anything was made.
    (_, start) = next(iter(theirs))
    entry = Entry(
        vgpu=vgpu(1), mode=mode.mode, stage=Stage.MAKING, device=GPU, id="", type="9", start=start
    )
    house.journal().put(entry)
    house.mode().recover()
    assert house.library.placed() == theirs
    assert house.journal().entries() == []


def test_nvml_is_not_installed(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    def missing() -> object:
        raise ImportError("pynvml")

    house = MigHouse(tmp_path, sysfs, machine)
    mode = Mig(house.kernel(), house.journal(), load=missing)
    assert not mode.capabilities(GPU).ability.can
    with pytest.raises(ModuleMissing, match="nvidia-ml-py"):
        mode.create(house.wanted())
