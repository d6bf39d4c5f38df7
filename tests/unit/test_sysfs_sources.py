"""What the kernel's sysfs tells of cards, on trees that look like those of real machines."""

from pathlib import Path

import pytest

from aliquot.devices.amdgpu import AmdgpuSource
from aliquot.devices.identity import hardware_uuid
from aliquot.devices.intel import IntelSource
from aliquot.devices.pci import PciSource, normal_address
from aliquot.devices.source import Sighting, Source
from aliquot.devices.sysfs import Sysfs
from aliquot.model.modes import Mode
from aliquot.model.pci import IommuMember, PciFunction
from aliquot.model.physical_device import PhysicalDevice
from tests.fakes.sysfs import FakeSysfs


@pytest.fixture
def tree(tmp_path: Path) -> FakeSysfs:
    return FakeSysfs(tmp_path / "sys")


def sysfs(tree: FakeSysfs) -> Sysfs:
    return Sysfs(str(tree.root))


def only(source: Source) -> Sighting:
    (sighting,) = source.list_devices().sightings
    return sighting


def function(sighting: Sighting) -> PciFunction:
    assert sighting.pci is not None
    return sighting.pci


def device(address: str) -> PhysicalDevice:
    pci = PciFunction(address=address)
    return PhysicalDevice(uuid="u", sources=(), name="n", kind="gpu", pci=pci)


def test_a_card_with_its_place(tree: FakeSysfs) -> None:
    tree.a100()
    seen = only(PciSource(sysfs(tree)))
    pci = function(seen)
    assert (seen.vendor, seen.kind, pci.address) == ("NVIDIA", "gpu", "0000:41:00.0")
    assert (pci.vendor_id, pci.device_id, pci.class_id) == ("10de", "20b2", "030200")
    assert (pci.driver, pci.numa_node) == ("nvidia", 1)
    assert pci.reset_methods == ("flr", "bus")
    assert pci.link is not None
    assert (pci.link.speed_gts, pci.link.width) == (16.0, 16)
    assert (pci.virtual_functions, pci.most_virtual_functions) == (0, 20)


def test_mdev_types_and_mdevs(tree: FakeSysfs) -> None:
    tree.a100()
    seen = only(PciSource(sysfs(tree)))
    assert [(t.mode, t.id, t.name, t.available) for t in seen.partition_types] == [
        (Mode.MDEV, "nvidia-1", "GRID A100D-4C", 19),
        (Mode.MDEV, "nvidia-2", "GRID A100D-8C", 9),
    ]
    (mdev,) = seen.partitions
    assert (mdev.mode, mdev.type) == (Mode.MDEV, "nvidia-1")


def test_vgpu_types_of_nvidia_s_newer_drivers(tree: FakeSysfs) -> None:
    place = tree.function(
        "0000:41:00.0", "10de:2331", pci_class="0x030200", driver="nvidia", sriov_totalvfs=2
    )
    tree.virtual_functions("0000:41:00.0", "2331", ["0000:41:00.4", "0000:41:00.5"])
    for index, current in ((0, 0), (1, 1155)):
        types = "ID    : vGPU Name\n1155 : NVIDIA H100-8C\n1156  : NVIDIA H100-16C"
        tree.write(
            place / f"virtfn{index}/nvidia",
            {"creatable_vgpu_types": types, "current_vgpu_type": current},
        )
    seen = only(PciSource(sysfs(tree)))
    assert [(t.mode, t.id, t.name, t.available) for t in seen.partition_types] == [
        (Mode.SRIOV, "1155", "NVIDIA H100-8C", 2),
        (Mode.SRIOV, "1156", "NVIDIA H100-16C", 2),
    ]
    assert [(p.id, p.type) for p in seen.partitions] == [
        ("0000:41:00.4", None),
        ("0000:41:00.5", "1155"),
    ]


def test_virtual_functions_are_partitions_and_no_devices(tree: FakeSysfs) -> None:
    tree.flex()
    seen = only(PciSource(sysfs(tree)))
    assert seen.pci_address == "0000:4d:00.0"
    assert [(p.mode, p.id) for p in seen.partitions] == [
        (Mode.SRIOV, f"0000:4d:00.{n}") for n in (1, 2, 3)
    ]
    assert function(seen).virtual_functions == 3


def test_an_iommu_group_names_who_else_is_in_it(tree: FakeSysfs) -> None:
    tree.rx7900()
    pci = function(only(PciSource(sysfs(tree))))
    assert pci.iommu_group is not None
    assert pci.iommu_group.number == 15
    assert pci.iommu_group.members == (
        IommuMember(pci_address="0000:03:00.0", what="display", driver="amdgpu"),
        IommuMember(pci_address="0000:03:00.1", what="audio", driver="snd_hda_intel"),
    )
    assert pci.reset_methods == ()
    assert pci.boot_display


def test_with_another_driver_or_none(tree: FakeSysfs) -> None:
    tree.function("0000:09:00.0", "10de:2684", driver="vfio-pci")
    tree.function("0000:0a:00.0", "1a03:2000", reset_method=None)
    first, second = PciSource(sysfs(tree)).list_devices().sightings
    assert (function(first).driver, function(second).driver) == ("vfio-pci", None)
    assert function(first).iommu_group is None
    # Before Linux 5.15 there is only `reset`: some way there is.
    assert function(second).reset_methods is None
    assert (first.name, second.vendor) == (None, "ASPEED")


def test_what_is_no_gpu_is_not_listed(tree: FakeSysfs) -> None:
    tree.function("0000:00:1f.3", "8086:a348", pci_class="0x040300")
    tree.function("0000:c4:00.0", "1da3:1020", pci_class="0x120000")  # not AMD's: no GPU
    assert PciSource(sysfs(tree)).list_devices().sightings == []
    assert AmdgpuSource(sysfs(tree)).list_devices().sightings == []


def test_without_pci(tmp_path: Path) -> None:
    listing = PciSource(Sysfs(str(tmp_path / "nothing"))).list_devices()
    assert listing.sightings == []
    assert listing.problem


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("00000000:41:00.0", "0000:41:00.0"),
        ("00010000:E1:1F.7", "10000:e1:1f.7"),
        (" 0000:03:00.0\n", "0000:03:00.0"),
        ("41:00.0", None),
        ("0000:41:00.8", None),
        ("", None),
    ],
)
def test_addresses(text: str, address: str | None) -> None:
    assert normal_address(text) == address


def test_amdgpu(tree: FakeSysfs) -> None:
    tree.mi300x("0000:c1:00.0", 1)
    source = AmdgpuSource(sysfs(tree))
    seen = only(source)
    assert seen.name == "AMD Instinct MI300X OAM"
    assert str(seen.architecture) == "CDNA 3 (gfx942)"
    assert (seen.compute_units, seen.memory) == (304, 192 << 30)
    assert (seen.clocks.core_mhz, seen.clocks.memory_mhz) == (2100, 1300)
    assert seen.hardware_uuid == hardware_uuid("amd", "a1b2c3d4e5f60718")
    now = source.telemetry(device("0000:c1:00.0"))
    assert now is not None
    assert (now.use, now.memory_bus_use, now.memory_used) == (37.0, 12.0, 3 << 30)
    assert (now.power_watts, now.power_limit_watts) == (312.0, 750.0)
    assert (now.temperature, now.memory_temperature) == (54.0, 47.0)
    assert (now.core_mhz, now.memory_mhz) == (1200, 900)
    assert (now.corrected_errors, now.uncorrected_errors, now.pcie_replays) == (7, 1, 0)


def test_amdgpu_without_the_kfd_and_without_what_some_cards_lack(tree: FakeSysfs) -> None:
    tree.rx7900()
    source = AmdgpuSource(sysfs(tree))
    seen = only(source)
    assert str(seen.architecture) == "RDNA 3 (GC 11.0.0)"
    assert (seen.name, seen.compute_units, seen.hardware_uuid) == (None, None, None)
    now = source.telemetry(device("0000:03:00.0"))
    assert now is not None
    assert (now.use, now.power_watts, now.temperature) == (4.0, 45.0, 41.0)
    assert now.corrected_errors is None
    assert "corrected_errors" not in now.as_dict()
    assert "energy_joules" not in now.as_dict()


def test_xgmi_by_link_and_by_hive(tree: FakeSysfs) -> None:
    for node, bus in enumerate(("c1", "c2", "c3"), start=1):
        tree.mi300x(f"0000:{bus}:00.0", node, unique=f"{node:016x}")
    by_hive = {s.pci_address: s for s in AmdgpuSource(sysfs(tree)).list_devices().sightings}
    assert [link.peer for link in by_hive["0000:c2:00.0"].links] == ["0000:c1:00.0", "0000:c3:00.0"]
    tree.xgmi(1, 2)
    by_link = {s.pci_address: s for s in AmdgpuSource(sysfs(tree)).list_devices().sightings}
    assert [link.peer for link in by_link["0000:c1:00.0"].links] == ["0000:c2:00.0"]


def test_a_gpu_that_the_kfd_shows_as_several_nodes(tree: FakeSysfs) -> None:
    tree.mi300x("0000:c1:00.0", 1)
    location = 0xC1 << 8
    text = f"simd_count 152\nsimd_per_cu 4\ngfx_target_version 90402\nlocation_id {location}"
    tree.kfd_node(2, text)
    assert only(AmdgpuSource(sysfs(tree))).compute_units == 304


def test_intel_under_i915(tree: FakeSysfs) -> None:
    tree.arc()
    source = IntelSource(sysfs(tree))
    seen = only(source)
    assert str(seen.architecture) == "Xe-HPG (PCI device 0x56a0)"
    assert (seen.memory, seen.clocks.core_mhz) == (16 << 30, 2400)
    now = source.telemetry(device("0000:07:00.0"))
    assert now is not None
    assert (now.energy_joules, now.power_limit_watts) == (5.0, 190.0)
    assert (now.core_mhz, now.asleep_ms) == (600, 1000)
    assert (now.use, now.power_watts, now.temperature) == (None, None, None)


def test_intel_under_xe(tree: FakeSysfs) -> None:
    tree.flex()
    source = IntelSource(sysfs(tree))
    seen = only(source)
    assert (seen.memory, seen.clocks.core_mhz) == (16 << 30, 2050)
    now = source.telemetry(device("0000:4d:00.0"))
    assert now is not None
    assert (now.temperature, now.memory_temperature) == (39.0, 44.0)
    assert (now.core_mhz, now.asleep_ms, now.energy_joules) == (300, 90_000, 77.0)


def test_no_telemetry_from_a_driver_that_is_gone(tree: FakeSysfs) -> None:
    tree.arc()
    tree.rx7900()
    for address in ("0000:07:00.0", "0000:03:00.0"):
        tree.bind(address, "vfio-pci")
    tree.unplug("0000:03:00.0")
    for source in (IntelSource(sysfs(tree)), AmdgpuSource(sysfs(tree)), PciSource(sysfs(tree))):
        assert source.telemetry(device("0000:07:00.0")) is None
        assert source.telemetry(device("0000:03:00.0")) is None
