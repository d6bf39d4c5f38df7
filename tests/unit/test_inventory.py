"""Inventories: simulated devices from a strict file, with faults that name their line."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliquot.devices import strict_yaml
from aliquot.devices.discovery import Discoverer
from aliquot.devices.inventory import InventorySource
from aliquot.devices.known_devices import KnownDevices
from aliquot.devices.source import Listing
from aliquot.devices.synthetic_load import Shape, SyntheticLoad
from aliquot.errors import BadInventory
from aliquot.model.modes import Mode
from aliquot.model.physical_device import LinkKind, PhysicalDevice
from aliquot.model.telemetry import Telemetry

WHOLE = """\
version: 1
nodes:
  - name: node-a
    devices:
      - id: gpu
        count: 2
        name: NVIDIA A100-SXM4-80GB
        vendor: NVIDIA
        architecture: Ampere
        compute_units: 108
        core_mhz: 1410
        memory: 80GiB
        modes: [remoting, passthrough, mig]
        partition_types:
          - {mode: mig, id: "19", name: 1g.10gb, most: 7, memory: 9728MiB}
        load: {use: 60, swing: 30, period: 60s, memory: 20GiB, power: [60, 400]}
      - id: old
        name: Quadro
        memory: 8GiB
        pci_address: 0000:41:00.0
        numa_node: 1
        iommu_group: 7
        partitions:
          - {mode: mig, id: MIG-1, type: 1g.10gb, memory: 1GiB}
        vgpus:
          - {name: team-a, memory: 2GiB, compute: 33.33, compute_limit: 50, weight: 2, tenant: a}
          - {name: team-b, memory: 6GiB}
    links:
      - {between: [gpu-0, gpu-1], kind: nvlink, count: 12}
      - {between: [gpu-0, old], kind: pcie, distance: system}
  - name: node-b
    devices:
      - {id: gpu-0, name: Arc, memory: 16GiB}
"""


class NoOpencl:
    name = "opencl"

    def list_devices(self) -> Listing:
        return Listing([])

    def telemetry(self, device: PhysicalDevice) -> Telemetry | None:
        return None


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "inventory.yaml"
    path.write_text(text)
    return str(path)


def discovered(
    tmp_path: Path, text: str, now: float = 0.0
) -> tuple[Discoverer, list[PhysicalDevice]]:
    discoverer = Discoverer(
        sysfs_root=str(tmp_path / "sys"),
        opencl=NoOpencl(),
        inventory=InventorySource(written(tmp_path, text), clock=lambda: now),
        known=KnownDevices(str(tmp_path / "known.json")),
    )
    return discoverer, discoverer.discover().devices


def test_a_whole_file(tmp_path: Path) -> None:
    _, devices = discovered(tmp_path, WHOLE)
    assert [(d.node, d.name) for d in devices] == [
        ("node-a", "NVIDIA A100-SXM4-80GB"),
        ("node-a", "NVIDIA A100-SXM4-80GB"),
        ("node-a", "Quadro"),
        ("node-b", "Arc"),
    ]
    assert all(d.simulated and d.sources == ("inventory",) for d in devices)
    one, two, old, arc = devices
    assert (one.memory, one.compute_units, one.clocks.core_mhz) == (80 << 30, 108, 1410)
    assert [a.mode for a in one.modes if a.can] == [Mode.REMOTING, Mode.PASSTHROUGH, Mode.MIG]
    assert {a.note for a in one.modes if a.can} == {"simulated"}
    assert [(t.name, t.most, t.memory) for t in one.partition_types] == [("1g.10gb", 7, 9728 << 20)]
    assert [(link.kind, link.peer, link.count) for link in one.links] == [
        (LinkKind.NVLINK, two.uuid, 12),
        (LinkKind.PCIE, old.uuid, None),
    ]
    assert old.pci is not None
    assert (old.pci_address, old.pci.numa_node) == ("0000:41:00.0", 1)
    assert old.partitions[0].id == "MIG-1"
    first, second = old.vgpus
    assert (first.shares.guarantee, first.shares.limit, first.shares.weight) == (3333, 5000, 2)
    assert (second.memory, second.shares.guarantee, second.tenant) == (6 << 30, 0, None)
    assert arc.links == ()


def test_uuids_are_the_same_everywhere_and_differ_between_nodes(tmp_path: Path) -> None:
    _, first = discovered(tmp_path, WHOLE)
    _, again = discovered(tmp_path, WHOLE)
    assert [d.uuid for d in first] == [d.uuid for d in again]
    assert len({d.uuid for d in first}) == 4
    given = (
        "version: 1\nnodes:\n- name: n\n  devices:\n  - {id: g, name: G, memory: 1GiB, uuid: %s}"
    )
    told = "GPU-00000000-1111-4222-8333-000000000001"
    _, (device,) = discovered(tmp_path, given % told)
    assert device.uuid == told.removeprefix("GPU-")


def test_a_simulated_device_never_merges_with_a_real_one(tmp_path: Path) -> None:
    from tests.fakes.sysfs import FakeSysfs

    FakeSysfs(tmp_path / "sys").a100("0000:41:00.0")
    _, devices = discovered(tmp_path, WHOLE)
    assert [d.simulated for d in devices] == [False, True, True, True, True]
    assert devices[0].links == ()


def test_a_simulated_device_has_nothing_of_the_real_one_in_its_place(tmp_path: Path) -> None:
    from tests.fakes.sysfs import FakeSysfs

    FakeSysfs(tmp_path / "sys").rx7900("0000:41:00.0")
    discoverer, devices = discovered(tmp_path, WHOLE)
    real = discoverer.telemetry(devices[0])
    assert real is not None
    assert real.use == 4.0
    assert devices[3].pci_address == devices[0].pci_address
    assert discoverer.telemetry(devices[3]) is None
    assert not (tmp_path / "known.json").exists()


def test_two_friends_of_a_third_are_no_friends(tmp_path: Path) -> None:
    links = "- {between: [gpu-0, old], kind: nvlink, count: 2}\n      - {between: [gpu-1, old]"
    text = WHOLE.replace(
        "      - {between: [gpu-0, gpu-1], kind: nvlink, count: 12}\n", ""
    ).replace("- {between: [gpu-0, old], kind: pcie, distance: system}", f"{links}, kind: nvlink}}")
    _, (one, two, old, _) = discovered(tmp_path, text)
    assert [link.peer for link in one.links] == [old.uuid]
    assert [link.peer for link in old.links] == [one.uuid, two.uuid]


def test_the_file_in_the_documents_is_a_good_one(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/cli.md").read_text()
    example = page.split("```yaml\n")[1].split("```")[0]
    _, devices = discovered(tmp_path, example)
    assert [d.name for d in devices][2:] == ["Quadro", "NVIDIA RTX A4000", "NVIDIA A30"]


def test_with_a_driver_what_hardware_can_follows_from_the_facts(tmp_path: Path) -> None:
    text = """version: 1
nodes:
  - name: a
    devices:
      - id: card
        name: Card
        vendor: NVIDIA
        memory: 8GiB
        pci_address: 0000:41:00.0
        iommu_group: 3
        iommu_members: [{pci_address: 0000:42:00.0, what: storage, driver: nvme}]
        driver: nvidia
        most_virtual_functions: 4
        modes: [mig]
        mig: "off"
"""
    _, [card] = discovered(tmp_path, text)
    told = {ability.mode: ability for ability in card.modes}
    assert [mode for mode, ability in told.items() if ability.can] == [Mode.SRIOV, Mode.MIG]
    assert "0000:42:00.0" in str(told[Mode.PASSTHROUGH].why_not)
    assert "MIG is off" in str(told[Mode.MIG].note)
    _, [card] = discovered(tmp_path, text.replace("0000:42:00.0", "0000:41:00.1"))
    assert card.ability(Mode.PASSTHROUGH).can  # type: ignore[union-attr]


def test_load_is_a_function_of_time(tmp_path: Path) -> None:
    discoverer, devices = discovered(tmp_path, WHOLE, now=15.0)
    reading = discoverer.telemetry(devices[0])
    assert reading == discoverer.telemetry(devices[0])
    assert reading is not None
    assert reading.use is not None
    assert 30 <= reading.use <= 90
    assert reading.memory_used == 20 << 30
    assert reading.power_watts == pytest.approx(60 + 340 * reading.use / 100, abs=0.01)
    assert reading.temperature is None
    other = discoverer.telemetry(devices[1])
    assert other is not None
    assert other.use != reading.use  # of one kind, but not in step
    assert discoverer.telemetry(devices[2]) is None


@pytest.mark.parametrize(
    ("shape", "at", "use"),
    [
        (Shape.SINE, 0, 50),
        (Shape.SINE, 15, 80),
        (Shape.SINE, 45, 20),
        (Shape.SQUARE, 29, 80),
        (Shape.SQUARE, 31, 20),
        (Shape.SAWTOOTH, 0, 20),
        (Shape.SAWTOOTH, 45, 65),
        (Shape.SINE, 60 * 10**6 + 15, 80),
    ],
)
def test_shapes(shape: Shape, at: float, use: float) -> None:
    load = SyntheticLoad(use=50, swing=30, period=60, shape=shape)
    assert load.use_at(at) == pytest.approx(use, abs=1e-6)


@given(
    use=st.floats(0, 100),
    swing=st.floats(0, 100),
    period=st.floats(0.001, 1e6),
    shape=st.sampled_from(Shape),
    at=st.floats(0, 1e10),
)
def test_use_is_a_percentage(
    use: float, swing: float, period: float, shape: Shape, at: float
) -> None:
    load = SyntheticLoad(use=use, swing=swing, period=period, shape=shape)
    assert 0 <= load.use_at(at) <= 100
    assert load.use_at(at) == load.use_at(at)


def changed(old: str, new: str) -> str:
    assert old in WHOLE
    return WHOLE.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "1:", "empty"),
        ("version: 1", "1: the file", "nodes"),
        (changed("version: 1", "version: 2"), "1: version", "2"),
        (changed("version: 1", "version: 1\nvresion: 1"), "1: the file", "vresion"),
        (changed("memory: 80GiB", "memory: 80 GIG"), "12: nodes[0].devices[0].memory", "80 GIG"),
        (changed("memory: 80GiB", "memory: 0"), "12: nodes[0].devices[0].memory", "nothing"),
        (changed("memory: 80GiB", "mem: 80GiB"), "5: nodes[0].devices[0]", "mem"),
        (changed("units: 108", "units: many"), "10: nodes[0].devices[0].compute_units", "int"),
        (changed("units: 108", "units: 0"), "10: nodes[0].devices[0].compute_units", ">= 1"),
        (changed("mig]", "mig, magic]"), "13: nodes[0].devices[0].modes[3]", "magic"),
        (changed("use: 60", "use: 160"), "16: nodes[0].devices[0].load.use", "<= 100"),
        (changed("60s", "soon"), "16: nodes[0].devices[0].load.period", "soon"),
        (changed("memory: 20GiB", "memory: 90GiB"), "16: nodes[0].devices[0].load.memory", "more"),
        (changed("count: 2", "count: 2\n        pci_address: 0000:01:00.0"), ".count", "alike"),
        (changed("0000:41:00.0", "41:00"), "20: nodes[0].devices[1].pci_address", "regex"),
        (changed("id: old", "id: gpu-1"), "17: nodes[0].devices[1].id", "twice"),
        (changed("name: node-b", "name: node-a"), "31: nodes[1].name", "twice"),
        (changed("name: team-b", "name: team-a"), "27: nodes[0].devices[1].vgpus[1].name", "twice"),
        (changed("memory: 6GiB", "memory: 7GiB"), "nodes[0].devices[1].vgpus", "more memory"),
        (changed("limit: 50", "limit: 5"), "nodes[0].devices[1].vgpus[0]", "below"),
        (changed("33.33", "33.333"), "nodes[0].devices[1].vgpus[0]", "decimals"),
        (changed("memory: 6GiB", "memory: 6GiB, compute: 70"), ".vgpus", "100 %"),
        (changed("memory: 6GiB", "memory: 6GiB, mode: mig"), ".vgpus[1].mode", "mig"),
        (changed("between: [gpu-0, old]", "between: [gpu-0, gpu-9]"), ".links[1]", "gpu-9"),
        (changed("between: [gpu-0, old]", "between: [old, old]"), ".links[1]", "itself"),
        (changed("count: 12", "distance: system"), "29: nodes[0].links[0].distance", "pcie"),
        (changed("      - id: old", "      - id: old\n        id: older"), "18:", "twice"),
        (changed("name: Quadro", "name: !!python/none x"), "18:", "tag"),
        (changed("name: Quadro", "name: [a"), "", ""),
        ("a: &a [*a]\nversion: 1", "", ""),
        ("{[a]: 1}", "1:", "key"),
        ("\t", "", ""),
    ],
)
def test_faults_name_their_line(tmp_path: Path, text: str, where: str, what: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BadInventory) as raised:
        InventorySource(path)
    told = raised.value.what
    assert told.startswith(f"{path}:")
    assert where in told
    assert what in told
    assert "\n" not in told
    assert raised.value.remedy


def test_uuids_twice(tmp_path: Path) -> None:
    uuid = "00000000-1111-4222-8333-000000000001"
    text = WHOLE.replace("id: old", f"id: old\n        uuid: {uuid}").replace(
        "name: Arc", f"name: Arc, uuid: GPU-{uuid}"
    )
    with pytest.raises(BadInventory, match="is there twice"):
        InventorySource(written(tmp_path, text))
    with pytest.raises(BadInventory, match="is no UUID"):
        InventorySource(written(tmp_path, WHOLE.replace("id: old", "id: old\n        uuid: x")))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadInventory, match="No such file"):
        InventorySource(str(tmp_path / "none.yaml"))
    with pytest.raises(BadInventory, match="directory"):
        InventorySource(str(tmp_path))
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInventory, match="UTF-8"):
        InventorySource(str(tmp_path / "binary.yaml"))
    with pytest.raises(BadInventory, match="can't be read"):
        InventorySource("a\0b")


def test_yaml_without_surprises() -> None:
    text = "a: 0000:41:00.0\nb: no\nc: 12:30\nd: 1_000\ne: 0x10\nf: '5'\ng: 5\nh: .5\ni: ~\nj: true"
    assert strict_yaml.parse(text).value == {
        "a": "0000:41:00.0",
        "b": "no",
        "c": "12:30",
        "d": "1_000",
        "e": "0x10",
        "f": "5",
        "g": 5,
        "h": 0.5,
        "i": None,
        "j": True,
    }


def test_aliases_may_repeat_but_not_without_end() -> None:
    assert strict_yaml.parse("a: &x [1]\nb: *x").value == {"a": [1], "b": [1]}
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(strict_yaml.YamlProblem, match="without end"):
        strict_yaml.parse("\n".join(lines))


@given(st.text(max_size=300))
def test_any_text_is_a_value_or_a_problem(text: str) -> None:
    with contextlib.suppress(strict_yaml.YamlProblem):
        strict_yaml.parse(text)
