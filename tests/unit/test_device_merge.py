"""One device of all that the sources see: identity, merging, links, modes."""

import json
from pathlib import Path

import pytest

from aliquot import words
from aliquot.devices import identity
from aliquot.devices.discovery import Discoverer, Discovery
from aliquot.devices.known_devices import KnownDevices
from aliquot.devices.nvml import NvmlSource
from aliquot.devices.source import Listing, Sighting
from aliquot.model.device import Device
from aliquot.model.modes import Mode, ModeAbility
from aliquot.model.physical_device import Distance, LinkKind, PhysicalDevice
from aliquot.model.telemetry import Telemetry
from tests.fakes import nvml
from tests.fakes.nvml import FakeNvml, a100
from tests.fakes.sysfs import FakeSysfs

A100_UUID = "00000000-1111-4222-8333-000000000001"


@pytest.fixture
def tree(tmp_path: Path) -> FakeSysfs:
    return FakeSysfs(tmp_path / "sys")


def offer(**changes: object) -> Device:
    plain = Device(
        uuid="11111111-2222-4333-8444-555555555555",
        name="Fake GPU",
        types=["gpu"],
        vendor="NVIDIA Corporation",
        version="OpenCL 3.0",
        driver_version="1",
        platform="Fake platform",
        platform_version="OpenCL 3.0",
        library="libfake.so",
        platform_index=0,
        device_index=0,
        compute_units=7,
        clock_mhz=1000,
        global_memory=79 << 30,
        max_allocation=1 << 30,
        unified_memory=False,
        extensions=[],
    )
    return plain._replace(**changes)


class FakeOpencl:
    """OpenCL drivers that offer these devices."""

    name = "opencl"

    def __init__(self, *offers: Device) -> None:
        self.offers = offers

    def list_devices(self) -> Listing:
        names = {"NVIDIA Corporation": "NVIDIA", "Advanced Micro Devices, Inc.": "AMD"}
        return Listing(
            [
                Sighting(
                    source=self.name,
                    pci_address=told.pci_address,
                    vendor_uuid=told.uuid,
                    name=told.name,
                    kind=told.kind,
                    vendor=names.get(told.vendor, told.vendor),
                    compute_units=told.compute_units,
                    memory=told.global_memory,
                    offers=(told,),
                )
                for told in self.offers
            ]
        )

    def telemetry(self, device: PhysicalDevice) -> Telemetry | None:
        return None


def discoverer(tree: FakeSysfs, *offers: Device, library: FakeNvml | None = None) -> Discoverer:
    return Discoverer(
        sysfs_root=str(tree.root),
        opencl=FakeOpencl(*offers),
        nvml=NvmlSource(lambda: library) if library else None,
        known=KnownDevices(str(tree.root.parent / "known.json")),
    )


def discover(tree: FakeSysfs, *offers: Device, library: FakeNvml | None = None) -> Discovery:
    return discoverer(tree, *offers, library=library).discover()


def ability(device: PhysicalDevice, mode: Mode) -> ModeAbility:
    found = device.ability(mode)
    assert found is not None
    return found


def test_three_sources_see_one_device_by_its_place(tree: FakeSysfs) -> None:
    tree.a100()
    cl = offer(pci_address="0000:41:00.0")
    (device,) = discover(tree, cl, library=FakeNvml(a100())).devices
    assert device.sources == ("nvml", "opencl", "pci")
    assert device.uuid == A100_UUID
    assert device.vendor_uuid == f"GPU-{A100_UUID}"
    assert device.aliases == (cl.uuid,)
    # The vendor's word goes before OpenCL's.
    assert (device.name, device.compute_units) == ("NVIDIA A100-SXM4-80GB", 108)
    assert device.memory == 80 << 30
    assert device.offers == (cl,)
    assert [a.mode for a in device.modes] == list(Mode)
    assert all(a.can for a in device.modes)


def test_or_by_the_vendor_s_uuid(tree: FakeSysfs) -> None:
    tree.a100()
    (device,) = discover(tree, offer(uuid=A100_UUID), library=FakeNvml(a100())).devices
    assert device.sources == ("nvml", "opencl", "pci")
    assert (device.uuid, device.aliases) == (A100_UUID, ())


def test_two_drivers_for_one_card(tree: FakeSysfs) -> None:
    tree.rx7900()
    one = offer(uuid="11111111-0000-4000-8000-000000000001", pci_address="0000:03:00.0")
    two = offer(uuid="11111111-0000-4000-8000-000000000002", pci_address="0000:03:00.0")
    found = discover(tree, one, two)
    (device,) = found.devices
    assert device.offers == (one, two)
    assert found.offers == [one, two]


def test_a_gpu_without_a_place_is_the_only_card_of_its_vendor(tree: FakeSysfs) -> None:
    tree.mi300x("0000:c1:00.0", 1)
    cl = offer(vendor="Advanced Micro Devices, Inc.", name="gfx942")
    (device,) = discover(tree, cl).devices
    assert device.sources == ("amdgpu", "opencl", "pci")
    # With two, nobody can say which.
    tree.mi300x("0000:c2:00.0", 2, unique="00000000000000aa")
    assert len(discover(tree, cl).devices) == 3


def test_a_card_kept_for_virtual_machines_is_nobody_s_opencl_device(tree: FakeSysfs) -> None:
    tree.function("0000:09:00.0", "10de:2684", driver="vfio-pci", group=9)
    first, second = discover(tree, offer()).devices
    assert (first.offers, second.offers) == ((offer(),), ())
    assert "vfio-pci" in (ability(second, Mode.REMOTING).why_not or "")


def test_software_devices_stay_what_they_are(tree: FakeSysfs) -> None:
    (device,) = discover(tree, offer(types=["cpu"], vendor="Intel(R) Corporation")).devices
    assert (device.kind, device.uuid) == ("software", offer().uuid)
    can = {a.mode: a.can for a in device.modes}
    assert can.pop(Mode.REMOTING)
    assert not any(can.values())


def test_a_card_keeps_its_uuid_when_its_driver_goes(tree: FakeSysfs) -> None:
    tree.a100()
    library = FakeNvml(a100())
    assert discover(tree, library=library).devices[0].uuid == A100_UUID
    tree.bind("0000:41:00.0", "vfio-pci")
    library.gpus.clear()
    assert discover(tree, library=library).devices[0].uuid == A100_UUID
    # Another kind of card in the slot is another device.
    tree.write(tree.place("0000:41:00.0"), {"device": "0x2331"})
    other = discover(tree).devices[0].uuid
    assert other != A100_UUID
    assert discover(tree).devices[0].uuid == other


def test_uuids_of_places_differ_from_machine_to_machine(
    tree: FakeSysfs, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.arc()
    tree.mi300x("0000:c1:00.0", 1)
    first = [device.uuid for device in discover(tree).devices]
    assert [device.uuid for device in discover(tree).devices] == first
    monkeypatch.setattr(identity, "machine_id", lambda: "another")
    monkeypatch.setattr("aliquot.devices.known_devices.machine_id", lambda: "another")
    second = [device.uuid for device in discover(tree).devices]
    # What lies in the hardware moves with it.
    assert [a == b for a, b in zip(first, second, strict=True)] == [False, True]


@pytest.mark.parametrize(
    "damage", ["", "[]", "{", '{"machine": 1}', '{"uuids": 3}', "[" * 100_000, "null"]
)
def test_a_damaged_memory_counts_as_none(tree: FakeSysfs, damage: str) -> None:
    tree.a100()
    path = tree.root.parent / "known.json"
    path.write_text(damage)
    assert discover(tree, library=FakeNvml(a100())).devices[0].uuid == A100_UUID
    assert A100_UUID in json.loads(path.read_text())["uuids"].values()


def test_a_memory_that_cannot_be_written_is_no_error(tree: FakeSysfs) -> None:
    tree.a100()
    (tree.root.parent / "known.json").mkdir()
    assert discover(tree, library=FakeNvml(a100())).devices[0].uuid == A100_UUID


def test_nvlink_directly_and_over_switches(tree: FakeSysfs) -> None:
    addresses = [f"0000:4{n}:00.0" for n in (1, 2, 3)]
    for address in addresses:
        tree.function(address, "10de:2330", pci_class="0x030200", driver="nvidia")
    direct = {0: "00000000:42:00.0", 1: "00000000:42:00.0"}
    back = {0: "00000000:41:00.0", 1: "00000000:41:00.0"}
    switch = dict.fromkeys(range(4), "00000000:08:00.0")
    gpus = [
        a100(f"0000{addresses[0]}", 1, links=direct),
        a100(f"0000{addresses[1]}", 2, links=back | {5: "00000000:08:00.0"}),
        a100(f"0000{addresses[2]}", 3, links=switch),
    ]
    # NVML stops at the first link that isn't there.
    gpus[1]["links"] |= dict.fromkeys((2, 3, 4))
    devices = {d.pci_address: d for d in discover(tree, library=FakeNvml(*gpus)).devices}
    nvlinks = {
        address: {link.peer[-1]: link.count for link in device.links if link.kind == "nvlink"}
        for address, device in devices.items()
    }
    assert nvlinks == {
        "0000:41:00.0": {"2": 2},
        "0000:42:00.0": {"1": 2, "3": 1},
        "0000:43:00.0": {"2": 1},
    }


def test_xgmi_joins_a_pair(tree: FakeSysfs) -> None:
    tree.mi300x("0000:c1:00.0", 1)
    tree.mi300x("0000:c2:00.0", 2, unique="00000000000000aa", numa=1)
    tree.xgmi(1, 2)
    one, two = discover(tree).devices
    assert [(link.kind, link.peer, link.distance) for link in one.links] == [
        (LinkKind.XGMI, two.uuid, None),
        (LinkKind.PCIE, two.uuid, Distance.SYSTEM),
    ]


@pytest.mark.parametrize(
    ("one", "other", "numa", "expected"),
    [
        ("a:00/0000:00:01.0/0000:01:00.0/0000:02:00.0", "same switch", (0, 0), ("switch", 3)),
        ("a:00/0000:00:01.0", "a:00/0000:00:02.0", (0, 0), ("host-bridge", 2)),
        ("a:00/0000:00:01.0", "b:40/0000:40:02.0", (0, 0), ("numa-node", 2)),
        ("a:00/0000:00:01.0", "b:40/0000:40:02.0", (-1, -1), ("numa-node", 2)),
        ("a:00/0000:00:01.0", "b:40/0000:40:02.0", (0, 1), ("system", 2)),
        ("a:00/0000:00:01.0", "b:40/0000:40:02.0", (-1, 1), (None, 2)),
    ],
)
def test_pcie_distances(
    tree: FakeSysfs,
    one: str,
    other: str,
    numa: tuple[int, int],
    expected: tuple[str | None, int],
) -> None:
    if other == "same switch":
        other = "a:00/0000:00:01.0/0000:01:00.0/0000:02:08.0"
    places = [place.replace("a:", "pci0000:").replace("b:", "pci0000:") for place in (one, other)]
    tree.function("0000:0b:00.0", "10de:2330", behind=places[0], numa_node=numa[0])
    tree.function("0000:0c:00.0", "10de:2330", behind=places[1], numa_node=numa[1])
    for device in discover(tree).devices:
        (link,) = device.links
        assert (link.distance, link.bridges) == expected


def test_an_audio_function_goes_along_and_a_stranger_does_not(tree: FakeSysfs) -> None:
    tree.rx7900()
    (device,) = discover(tree).devices
    told = ability(device, Mode.PASSTHROUGH)
    assert told.can
    assert told.note is not None
    assert "0000:03:00.1 (audio) of the same card goes along" in told.note
    assert "the machine started with" in told.note
    assert "can't reset it alone" in told.note
    tree.function("0000:04:00.0", "8086:1533", pci_class="0x020000", driver="igb", group=15)
    tree.function("0000:00:01.0", "8086:1901", pci_class="0x060400", driver="pcieport", group=15)
    (device,) = discover(tree).devices
    told = ability(device, Mode.PASSTHROUGH)
    assert not told.can
    assert told.why_not is not None
    assert "0000:04:00.0 (network)" in told.why_not
    assert "0000:00:01.0" not in told.why_not  # bridges stay with the host


def test_why_not_is_a_clause_for_every_mode_of_every_card(tree: FakeSysfs) -> None:
    tree.a100()
    tree.mi300x("0000:c1:00.0", 1)
    tree.rx7900()
    tree.arc()
    tree.flex()
    tree.function("0000:09:00.0", "10de:2684", driver="vfio-pci", group=9)
    tree.function("0000:0a:00.0", "1a03:2000")
    devices = discover(tree, library=FakeNvml(a100())).devices
    assert len(devices) == 7
    for device in devices:
        assert [a.mode for a in device.modes] == list(Mode)
        for told in device.modes:
            assert told.can == (told.why_not is None)
            assert not (told.why_not or "").endswith(".")
            if said := told.why_not or told.note:
                assert words.english(*told.lines) == said
                assert words.sentence("zh", told.lines)
    modes = {d.pci_address: {a.mode for a in d.modes if a.can} for d in devices}
    assert modes["0000:41:00.0"] == {Mode.PASSTHROUGH, Mode.MDEV, Mode.SRIOV, Mode.MIG}
    assert modes["0000:4d:00.0"] == {Mode.PASSTHROUGH, Mode.SRIOV}
    assert modes["0000:09:00.0"] == {Mode.PASSTHROUGH}
    assert modes["0000:0a:00.0"] == set()


def test_mig_without_anybody_who_could_tell(tree: FakeSysfs) -> None:
    tree.a100()
    (device,) = discover(tree).devices
    assert "only NVML can tell" in (ability(device, Mode.MIG).why_not or "")
    (device,) = discover(tree, library=FakeNvml()).devices
    assert "NVML doesn't know" in (ability(device, Mode.MIG).why_not or "")


def test_a_lost_gpu_can_do_nothing_and_says_why(tree: FakeSysfs) -> None:
    tree.a100()
    gpu = a100()
    found = discoverer(tree, library=FakeNvml(gpu))
    assert found.discover().devices[0].fault is None
    gpu["lost"] = nvml.NVML_ERROR_GPU_IS_LOST
    found_again = found.discover()
    (device,) = found_again.devices
    assert (device.uuid, device.fault) == (A100_UUID, "NVML: GPU is lost")
    assert not any(a.can for a in device.modes)
    assert "nvml" in found_again.problems
    reading = found.telemetry(device)
    assert reading is not None
    assert reading.fault == "NVML: GPU is lost"


def test_a_gpu_that_only_a_library_still_knows_is_gone(tree: FakeSysfs) -> None:
    tree.a100()
    gpu = a100()
    found = discoverer(tree, library=FakeNvml(gpu, a100("00000000:42:00.0", 2)))
    tree.function("0000:42:00.0", "10de:20b2", driver="nvidia")
    assert len(found.discover().devices) == 2
    gpu["lost"] = nvml.NVML_ERROR_GPU_IS_LOST
    tree.unplug("0000:41:00.0")
    assert [device.pci_address for device in found.discover().devices] == ["0000:42:00.0"]


def test_json_has_everything(tree: FakeSysfs) -> None:
    tree.a100()
    (device,) = discover(tree, offer(uuid=A100_UUID), library=FakeNvml(a100())).devices
    told = json.loads(json.dumps(device.as_dict()))
    assert set(told) == set(PhysicalDevice.__struct_fields__)
    assert told["pci"]["iommu_group"]["number"] == 41
    first = {"mode": "remoting", "can": True, "why_not": None, "note": None, "lines": []}
    assert told["modes"][0] == first
    assert told["offers"] == [A100_UUID]
