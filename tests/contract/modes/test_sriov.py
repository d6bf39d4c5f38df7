"""SR-IOV: when virtual functions come and go, whose they are, and their types."""

from __future__ import annotations

from pathlib import Path

import pytest

from aliquot.errors import DeviceInUse, HardwareError, HardwareGone, NoSuchPartitionType
from tests.contract.modes.houses import GPU, NvidiaSriovHouse, SriovHouse, vgpu
from tests.fakes.kernel.machine import Machine
from tests.fakes.kernel.mdev import MdevParent, Type


@pytest.fixture
def flex(tmp_path: Path, machine: Machine, sysfs: str) -> SriovHouse:
    return SriovHouse(tmp_path, sysfs, machine)


def test_virtual_functions_come_with_the_first_and_go_with_the_last(flex: SriovHouse) -> None:
    function = flex.machine.pci.functions[GPU]
    assert function.sriov is not None
    mode = flex.mode()
    first, second = mode.create(flex.wanted(1)), mode.create(flex.wanted(2))
    assert (first.id, second.id) == ("0000:41:00.4", "0000:41:00.5")
    assert mode.attach(second.vgpu).functions == ("0000:41:00.5",)
    mode.delete(first.vgpu)
    assert function.sriov.count == 4
    mode.delete(second.vgpu)
    assert function.sriov.count == 0


def test_virtual_functions_that_were_there_stay(flex: SriovHouse) -> None:
    function = flex.machine.pci.functions[GPU]
    flex.machine.pci.set_count(function, "2")
    mode = flex.mode()
    mode.create(flex.wanted())
    mode.delete(vgpu(1))
    assert function.sriov is not None
    assert function.sriov.count == 2


def test_virtual_functions_that_others_use_stay(flex: SriovHouse) -> None:
    mode = flex.mode()
    made = mode.create(flex.wanted())
    flex.machine.pci.functions["0000:41:00.7"].nodes = {"drm": ("renderD140",)}
    flex.machine.pci.functions["0000:41:00.7"].driver = flex.machine.pci.drivers["xe"]
    flex.machine.opens(91, "clinfo", "/dev/dri/renderD140")
    mode.delete(made.vgpu)
    function = flex.machine.pci.functions[GPU]
    assert function.sriov is not None
    assert function.sriov.count == 4


def test_virtual_functions_that_others_have_cut_stay(
    tmp_path: Path, machine: Machine, sysfs: str
) -> None:
    house = SriovHouse(tmp_path, sysfs, machine)
    mode = house.mode()
    made = mode.create(house.wanted())
    address = next(a for a, f in machine.pci.functions.items() if f.physical and a != made.id)
    function = machine.pci.functions[address]
    function.driver = machine.pci.drivers["xe"]
    place = f"../../bus/pci/devices/{address}"
    function.parent = MdevParent(machine.mdev, address, {"t": Type("T", 1)}, 1, place)
    function.parent.create("t", vgpu(9))
    mode.delete(made.vgpu)
    assert address in machine.pci.functions, "an mdev of somebody's lies on it"
    assert vgpu(9) in function.parent.made


def test_a_virtual_function_that_a_program_works_on_is_left_to_it(flex: SriovHouse) -> None:
    pci = flex.machine.pci
    pci.set_count(pci.functions[GPU], "2")
    for last in (4, 5):
        function = pci.functions[f"0000:41:00.{last}"]
        function.nodes = {"drm": (f"renderD{140 + last}",)}
        function.driver = pci.drivers["xe"]
    flex.machine.opens(91, "clinfo", "/dev/dri/renderD144")
    mode = flex.mode()
    made = mode.create(flex.wanted())
    assert made.id == "0000:41:00.5"
    flex.machine.opens(92, "python3", "/dev/dri/renderD145")
    with pytest.raises(DeviceInUse, match="python3"):
        mode.attach(made.vgpu)
    with pytest.raises(DeviceInUse, match="clinfo"):
        mode.create(flex.wanted(2))
    assert pci.unbound == []


def test_the_number_of_virtual_functions_changed_under_us(flex: SriovHouse) -> None:
    mode = flex.mode()
    mode.create(flex.wanted())
    last = mode.create(flex.wanted(2))
    function = flex.machine.pci.functions[GPU]
    flex.machine.pci.set_count(function, "0")
    flex.machine.pci.set_count(function, "1")
    (line,) = mode.verify(last.vgpu)
    assert line.key == "why-vf-count-changed"
    assert (line.values["was"], line.values["now"]) == (4, 1)
    with pytest.raises(HardwareGone, match="has 1 virtual functions, and had 4"):
        mode.attach(last.vgpu)
    for number in (1, 2):
        mode.delete(vgpu(number))
    assert function.sriov is not None
    assert function.sriov.count == 1, "what somebody else made of it is theirs"


def test_virtual_functions_that_a_driver_makes_in_its_own_way(flex: SriovHouse) -> None:
    function = flex.machine.pci.functions[GPU]
    assert function.sriov is not None
    function.sriov.closed = True
    with pytest.raises(HardwareError):
        flex.mode().create(flex.wanted())
    assert flex.mode().adopt() == []


def test_types_of_virtual_functions(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    house = NvidiaSriovHouse(tmp_path, sysfs, machine)
    mode = house.mode()
    with pytest.raises(NoSuchPartitionType, match="L40-12Q"):
        mode.create(house.wanted(type="L40-99Q"))
    assert house.state() == house.state()
    made = mode.create(house.wanted())
    assert machine.pci.functions[made.id].vgpu_type == "1105"
    assert [(one.name, one.available) for one in mode.capabilities(GPU).types] == [
        ("NVIDIA L40-12Q", 3),
        ("NVIDIA L40-24Q", 3),
    ]
    assert mode.attach(made.vgpu).functions == (made.id,)
    assert machine.pci.unbound == [], "NVIDIA's driver is a VFIO driver itself"
    mode.delete(made.vgpu)
