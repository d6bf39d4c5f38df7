"""Where vGPUs of hardware go, what they reserve, who may have them, and in which mode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aliquot.devices.vgpu_type_names import memory_of
from aliquot.errors import (
    BadSpec,
    FunctionTaken,
    MemoryUnavailable,
    ModeUnavailable,
    NoModeSuits,
    NoSuchPartitionType,
    NotInThisMode,
    NotPermitted,
    QuotaAboveDevice,
    TenantQuota,
    UnknownDevice,
)
from aliquot.model.api.vgpus import GroupWanted, VgpuWanted
from aliquot.model.lifecycle import VgpuState
from aliquot.placement.engine.quotas import Quota
from tests.contract.daemon.hardware_house import HardwareService
from tests.contract.daemon.house import ADMIN, ALICE, GIB, MIB, ONE
from tests.contract.modes.houses import (
    AUDIO,
    GPU,
    House,
    MdevHouse,
    MigHouse,
    NvidiaSriovHouse,
    PassthroughHouse,
    SriovHouse,
)
from tests.fakes.device_hosts import device
from tests.fakes.kernel.machine import Machine

OFFERED = device(ONE)._replace(pci_address=GPU)


class Houses:
    """Makes a service on a house, and closes it."""

    def __init__(self, folder: Path, sysfs: str, machine: Machine) -> None:
        self.folder, self.sysfs, self.machine = folder, sysfs, machine
        self.made: list[HardwareService] = []

    def __call__(self, kind: type[House], *, offered: bool = False) -> HardwareService:
        house = kind(self.folder, self.sysfs, self.machine)
        self.made.append(HardwareService(self.folder, house, *([OFFERED] if offered else [])))
        return self.made[-1]


@pytest.fixture
def serve(tmp_path: Path, machine: Machine, sysfs: str) -> Iterator[Houses]:
    houses = Houses(tmp_path, sysfs, machine)
    yield houses
    for one in houses.made:
        one.close()


def test_a_card_goes_whole_and_nobody_is_beside_it(serve: Houses) -> None:
    service = serve(PassthroughHouse, offered=True)
    vgpus = service.service.vgpus
    vgpus.create(ALICE, VgpuWanted(name="soft", memory=GIB))
    with pytest.raises(FunctionTaken, match=r"on it \(1\)"):
        service.create("whole")
    vgpus.delete(ALICE, "soft")
    made = service.create("whole")
    assert made.memory == 8 * GIB
    [card] = service.service.devices.list(ADMIN).items
    assert (card.free_memory, card.reserved_compute) == (0, 100)
    with pytest.raises(MemoryUnavailable):
        vgpus.create(ALICE, VgpuWanted(name="soft", memory=GIB))
    vgpus.delete(ADMIN, "whole")
    assert vgpus.create(ALICE, VgpuWanted(name="soft", memory=GIB)).state is VgpuState.READY


def test_a_card_that_was_handed_over_is_the_device_that_it_was(serve: Houses) -> None:
    """No OpenCL driver offers it any more, and nobody tells how much memory it has."""
    service = serve(PassthroughHouse, offered=True)
    made = service.create("whole")
    service.core.hardware.attachment(made.id)
    service.machine.opencl.devices = []
    service.watch()
    service.settle()
    after = service.show("whole")
    assert (after.state, after.device, after.reason) == (VgpuState.READY, made.device, "")
    [card] = service.service.devices.list(ADMIN).items
    assert (card.uuid, card.present, card.memory) == (made.device, True, 8 * GIB)
    service.core.hardware.release(made.id)
    service.machine.opencl.devices = [OFFERED]
    service.watch()
    service.service.vgpus.delete(ADMIN, "whole")
    soft = service.service.vgpus.create(ALICE, VgpuWanted(name="soft", memory=GIB))
    assert soft.device == made.device


def test_only_administrators_hand_a_card_over(serve: Houses) -> None:
    service = serve(PassthroughHouse)
    for wanted in (
        VgpuWanted(name="a", mode="passthrough"),
        VgpuWanted(name="a", isolation="whole", consumer="vm"),
    ):
        for ask in (service.service.vgpus.create, service.service.vgpus.plan):
            with pytest.raises(NotPermitted):
                ask(ALICE, wanted)
    whole = VgpuWanted(name="a", isolation="whole", consumer="vm")
    assert service.service.vgpus.create(ADMIN, whole).mode == "passthrough"


def test_what_belongs_to_one_mode_is_refused_by_others(serve: Houses) -> None:
    service = serve(MdevHouse)
    vgpus = service.service.vgpus
    for wanted in (
        VgpuWanted(name="a", mode="mdev", type="A40-4Q", rom="/rom"),
        VgpuWanted(name="a", mode="mdev", type="A40-4Q", force=True),
        VgpuWanted(name="a", mode="passthrough", type="A40-4Q"),
        VgpuWanted(name="a", mode="remoting", memory=GIB, type="A40-4Q"),
        VgpuWanted(name="a", mode="remoting", memory=GIB, force=True),
    ):
        with pytest.raises(BadSpec):
            vgpus.create(ADMIN, wanted)
    group = GroupWanted(name="g", vgpus=[VgpuWanted(name="a", mode="mdev", type="A40-4Q")])
    with pytest.raises(NotInThisMode):
        service.service.groups.create(ADMIN, group)
    with pytest.raises(ModeUnavailable, match="MIG"):
        vgpus.create(ADMIN, VgpuWanted(name="a", mode="mig", type="1g.10gb"))
    with pytest.raises(NoSuchPartitionType, match="A40-4Q, A40-8Q"):
        vgpus.create(ADMIN, VgpuWanted(name="a", mode="mdev", type="A40-5Q"))
    with pytest.raises(UnknownDevice):
        vgpus.create(ADMIN, VgpuWanted(name="a", mode="mdev", type="A40-4Q", device="none"))
    assert vgpus.list(ADMIN).items == []


def test_a_partition_has_its_types_memory(serve: Houses) -> None:
    service = serve(MdevHouse)
    made = service.create()
    assert (made.type, made.memory) == ("A40-4Q", 4 * GIB)
    [card] = service.service.devices.list(ADMIN).items
    assert card.memory == 0, "nobody tells"
    assert card.reserved_memory == 0
    assert card.vgpus == 1


def test_the_smallest_type_that_suffices(serve: Houses) -> None:
    service = serve(MigHouse)
    made = service.create(type=None, memory=12 * GIB)
    assert made.type == "1g.20gb"
    assert made.memory >= 12 * GIB
    [card] = service.service.devices.list(ADMIN).items
    assert card.reserved_memory == made.memory
    with pytest.raises(NoSuchPartitionType):
        service.create("b", type=None, memory=100 * GIB)


def test_of_a_type_that_no_virtual_function_lists_yet_the_name_tells(serve: Houses) -> None:
    service = serve(NvidiaSriovHouse)
    plan = service.service.vgpus.plan(
        ADMIN, VgpuWanted(name="a", mode="sriov", type="NVIDIA L40-24Q")
    )
    assert [line.key for line in plan.notes] == ["why-type-later", "why-from-types-name"]
    made = service.create()
    assert (made.memory, made.type) == (24 * GIB, "NVIDIA L40-24Q")
    service.service.finder.look()
    with pytest.raises(NoSuchPartitionType):  # by now they tell
        service.create("b", type="NVIDIA L40-5Q")


@pytest.mark.parametrize(
    ("name", "memory"),
    [
        ("NVIDIA L40-24Q", 24 * GIB),
        ("GRID T4-2B4", 2 * GIB),
        ("GRID M10-0B", 512 * MIB),
        ("NVIDIA A100-3-20C", 20 * GIB),
        ("NVIDIA A100-1-5CME", 5 * GIB),
        ("i915-GVTg_V5_4", None),
        ("mtty-2", None),
        ("", None),
    ],
)
def test_names_of_types(name: str, memory: int | None) -> None:
    assert memory_of(name) == memory


def test_virtual_functions_without_types_have_no_memory_that_is_told(serve: Houses) -> None:
    service = serve(SriovHouse)
    made = service.create()
    assert (made.memory, made.type) == (0, None)
    [card] = service.service.devices.list(ADMIN).items
    assert (card.reserved_memory, card.vgpus) == (0, 1)
    with pytest.raises(MemoryUnavailable, match="nobody tells"):
        service.create("b", memory=GIB)
    before = service.house.state()
    with pytest.raises(NoSuchPartitionType):
        service.create("b", type="L40-24Q")
    assert service.house.state() == before


def test_quotas_count_what_hardware_has(serve: Houses) -> None:
    service = serve(MigHouse)
    service.core.quota = Quota(places=9, device_memory=20 * GIB)
    vgpus = service.service.vgpus
    vgpus.create(ALICE, VgpuWanted(name="a", mode="mig", type="1g.10gb"))
    with pytest.raises(TenantQuota):
        vgpus.create(ALICE, VgpuWanted(name="b", mode="mig", type="2g.20gb"))
    vgpus.create(ALICE, VgpuWanted(name="b", mode="mig", type="1g.10gb"))


def test_no_quota_of_memory_holds_where_nobody_tells_how_much_it_is(serve: Houses) -> None:
    service = serve(SriovHouse)
    service.core.quota = Quota(places=9, device_memory=20 * GIB)
    with pytest.raises(TenantQuota):
        service.service.vgpus.create(ALICE, VgpuWanted(name="a", mode="sriov"))
    assert service.service.vgpus.create(ADMIN, VgpuWanted(name="a", mode="sriov")).settled


def test_what_software_was_promised_stays_free(serve: Houses) -> None:
    service = serve(MdevHouse, offered=True)
    vgpus = service.service.vgpus
    vgpus.create(ALICE, VgpuWanted(name="soft", memory=5 * GIB))
    with pytest.raises(MemoryUnavailable):
        service.create(type="A40-4Q")
    vgpus.delete(ALICE, "soft")
    vgpus.create(ALICE, VgpuWanted(name="soft", memory=4 * GIB))
    assert service.create(type="A40-4Q").state is VgpuState.READY


def test_auto_goes_by_what_is_asked(serve: Houses) -> None:
    service = serve(NvidiaSriovHouse, offered=True)
    vgpus = service.service.vgpus

    def mode(**asked: Any) -> str:
        return vgpus.plan(ADMIN, VgpuWanted(name="a", memory=GIB, **asked)).mode

    assert mode() == "remoting"
    assert mode(consumer="vm", type="NVIDIA L40-24Q") == "sriov"
    assert mode(consumer="vm", elastic=True) == "remoting"
    assert mode(consumer="vm", isolation="whole") == "passthrough"
    told = vgpus.plan(ADMIN, VgpuWanted(name="a", memory=GIB, consumer="vm", elastic=True))
    assert told.mode_lines
    assert told.others["sriov"]
    with pytest.raises(NoModeSuits) as refused:
        mode(consumer="vm", windows=True, elastic=True)
    assert "Windows" in refused.value.what
    told = vgpus.plan(ADMIN, VgpuWanted(name="a", consumer="vm", type="NVIDIA L40-24Q"))
    assert told.mode_lines
    assert set(told.others) == {"remoting", "passthrough", "mdev", "mig"}


def test_a_file_shown_as_rom_is_looked_at(serve: Houses, tmp_path: Path) -> None:
    service = serve(PassthroughHouse)
    rom = tmp_path / "card.rom"
    rom.write_bytes(b"\x55\xaa\x40")
    made = service.create(rom=str(rom))
    assert service.core.hardware.attachment(made.id).rom == str(rom)
    assert service.core.hardware.attachment(made.id).functions == (GPU, AUDIO)


def test_more_memory_than_there_is(serve: Houses) -> None:
    service = serve(PassthroughHouse, offered=True)
    with pytest.raises(QuotaAboveDevice):
        service.create(memory=9 * GIB)
