"""Whatever sysfs holds, whenever it vanishes: readers give what makes sense, and never raise."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aliquot.devices import hwmon, pci_names, sysfs
from aliquot.devices.discovery import Discoverer
from aliquot.devices.known_devices import KnownDevices
from aliquot.devices.nvml import NvmlSource
from aliquot.devices.source import Listing
from aliquot.devices.sysfs import Sysfs
from aliquot.model.physical_device import PhysicalDevice
from aliquot.model.telemetry import Telemetry
from tests.fakes.nvml import FakeNvml, a100
from tests.fakes.sysfs import FakeSysfs

SLOWLY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# What a driver could say instead, and bytes that none would.
CONTENTS = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(
        [
            b"",
            b"\n",
            b"-1\n",
            b"0\n",
            b"0x\n",
            b"0xffffffff\n",
            b"18446744073709551616\n",
            b"-9223372036854775808\n",
            b"9" * 5000,
            b"Unknown\n",
            b"N/A\n",
            b"255\n",
            b"16.0 GT/s PCIe\n",
            b"0: Mhz *\n",
            b"ue: -4\nce: x\n",
            b"simd_count 4\nsimd_per_cu 0\nlocation_id 99999999\n",
            b"simd_count -4\nsimd_per_cu -1\nlocation_id -1\ndomain -1\n",
            "٣٤\n".encode(),
            b"\x1b[31m\x00\n",
        ]
    ),
)


class NoOpencl:
    name = "opencl"

    def list_devices(self) -> Listing:
        return Listing([])

    def telemetry(self, device: PhysicalDevice) -> Telemetry | None:
        return None


def full(root: Path) -> FakeSysfs:
    tree = FakeSysfs(root)
    tree.a100()
    tree.mi300x("0000:c1:00.0", 1)
    tree.mi300x("0000:c2:00.0", 2, unique="00000000000000aa")
    tree.xgmi(1, 2)
    tree.rx7900()
    tree.arc()
    tree.flex()
    return tree


def discoverer(root: Path, library: Any = None) -> Discoverer:
    return Discoverer(
        sysfs_root=str(root),
        opencl=NoOpencl(),
        nvml=NvmlSource(lambda: library) if library else None,
        known=KnownDevices(str(root.parent / "known.json")),
    )


def check(
    devices: list[PhysicalDevice], read: Callable[[PhysicalDevice], Telemetry | None]
) -> None:
    """What holds of every device, whatever its files say."""
    assert len({device.uuid for device in devices}) == len(devices)
    for device in devices:
        device.as_dict()
        assert device.name
        assert len(device.modes) == 5
        assert device.memory is None or device.memory > 0
        assert device.compute_units is None or device.compute_units > 0
        reading = read(device)
        if reading is None:
            continue
        for name in ("use", "memory_bus_use"):
            value = getattr(reading, name)
            assert value is None or 0 <= value <= 100, name
        for name in ("memory_used", "power_watts", "core_mhz", "corrected_errors", "asleep_ms"):
            value = getattr(reading, name)
            assert value is None or value >= 0, name


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole tree, which takes longer to build than to read: tests put back what they change."""
    root = tmp_path_factory.mktemp("garbage") / "sys"
    full(root)
    return root


def check_with(root: Path, changed: dict[Path, bytes]) -> None:
    """Check a discovery while files say something else."""
    originals = {path: path.read_bytes() for path in changed}
    try:
        for path, content in changed.items():
            path.write_bytes(content)
        found = discoverer(root)
        check(found.discover().devices, found.telemetry)
    finally:
        for path, content in originals.items():
            path.write_bytes(content)


def files_of(root: Path) -> list[Path]:
    return sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink())


@SLOWLY
@given(st.data())
def test_any_content_in_any_file(root: Path, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(files_of(root)), max_size=40))
    check_with(root, {path: data.draw(CONTENTS) for path in chosen})


@settings(SLOWLY, max_examples=20)
@given(contents=st.lists(CONTENTS, min_size=1, max_size=30))
def test_every_file_garbage(root: Path, contents: list[bytes]) -> None:
    kept = {"class", "vendor"}  # else there is nothing to look at
    files = [path for path in files_of(root) if path.name not in kept]
    check_with(root, {path: contents[n % len(contents)] for n, path in enumerate(files)})


@settings(SLOWLY, max_examples=15)
@given(st.data())
def test_any_file_gone_or_something_else(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "sys"
        full(root)
        paths = sorted(root.rglob("*"))
        for path in data.draw(st.lists(st.sampled_from(paths), max_size=20)):
            if not path.is_symlink() and path.is_dir():
                shutil.rmtree(path)
            else:
                with contextlib.suppress(OSError):  # on the way there may be a loop by now
                    path.unlink(missing_ok=True)
            what = data.draw(st.sampled_from(["nothing", "directory", "loop", "dangling", "file"]))
            if not path.parent.is_dir() or what == "nothing":
                continue
            if what == "directory":
                path.mkdir()
            elif what == "file":
                path.write_bytes(b"1")
            else:
                path.symlink_to(path.name if what == "loop" else "nowhere/at/all")
        found = discoverer(root)
        check(found.discover().devices, found.telemetry)


def test_cards_that_vanish_between_any_two_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unplug everything at the n-th read, for every n until a discovery needs no more."""
    original = Sysfs.text
    reads = 0
    for limit in range(0, 2000, 37):
        root = tmp_path / str(limit) / "sys"
        full(root)
        reads = 0

        def text(self: Sysfs, *parts: str) -> str | None:
            nonlocal reads
            reads += 1
            if reads == limit + 1:  # noqa: B023
                shutil.rmtree(root / "bus/pci/devices", ignore_errors=True)  # noqa: B023
                shutil.rmtree(root / "devices", ignore_errors=True)  # noqa: B023
            return original(self, *parts)

        monkeypatch.setattr(Sysfs, "text", text)
        found = discoverer(root)
        check(found.discover().devices, found.telemetry)
        shutil.rmtree(root.parent)
        if reads <= limit:
            return
    raise AssertionError("a discovery needs more reads than this test allows")


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_answers_of_nvml(data: st.DataObject) -> None:
    gpu = a100(links={0: "00000000:42:00.0"})
    names = sorted(name for name in gpu if name.startswith("nvmlDeviceGet"))
    for name in data.draw(st.lists(st.sampled_from(names), max_size=8)):
        if name in ("nvmlDeviceGetUUID", "nvmlDeviceGetName"):
            gpu[name] = data.draw(st.text(max_size=40))
        else:
            gpu[name] = None
    source = NvmlSource(lambda: FakeNvml(gpu))
    for seen in source.list_devices().sightings:
        assert seen.pci_address == "0000:41:00.0"


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_numbers_are_numbers_or_unknown(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "f").write_bytes(content)
        tree = Sysfs(directory)
        number = tree.integer("f")
        assert number is None or abs(number) < 2**63
        assert (tree.natural("f") or 0) >= 0
        digits = tree.hexadecimal("f", digits=4)
        assert digits is None or (len(digits) == 4 and int(digits, 16) >= 0)
        text = tree.text("f")
        assert text is None or all(c.isprintable() or c == "\n" for c in text)
        assert all(isinstance(v, int) for v in sysfs.keyed_numbers(text).values())
        assert all(isinstance(v, int) for v in sysfs.keyed_numbers(text, ":").values())


@pytest.mark.parametrize("name", ["a\0b", "..", "", "x" * 5000, "\udcff"])
def test_odd_names_of_files(tmp_path: Path, name: str) -> None:
    tree = Sysfs(str(tmp_path))
    assert tree.text(name) is None
    assert tree.integer(name) is None
    assert tree.link(name) is None
    assert isinstance(tree.names(name), list)
    assert isinstance(tree.place(name), list)
    tree.exists(name)


def test_hwmon_that_is_not_there(tmp_path: Path) -> None:
    sensors = hwmon.Hwmon(Sysfs(str(tmp_path)), "0000:01:00.0")
    assert sensors.watts("power1_input") is None
    assert sensors.degrees("edge") is None
    assert sensors.first_degrees() is None
    assert sensors.megahertz("sclk") is None


def test_the_list_of_pci_names(tmp_path: Path) -> None:
    path = tmp_path / "pci.ids"
    path.write_text(
        "# comment\n10de  NVIDIA Corporation\n\t20b2  GA100 [A100 SXM4 80GB]\n"
        "\t\t10de 1463  A board\n\t20b5  GA100 [A100 PCIe 80GB]\n8086  Intel\n\t56a0  DG2 [Arc]\n"
    )
    lists = (str(tmp_path / "none"), str(path))
    assert pci_names.device_name("10de", "20b5", lists) == "NVIDIA GA100 [A100 PCIe 80GB]"
    assert pci_names.device_name("10de", "56a0", lists) == "NVIDIA device 0x56a0"
    assert pci_names.device_name("8086", "56a0", lists) == "Intel DG2 [Arc]"
    assert pci_names.device_name("abcd", "0001", lists) == "PCI vendor 0xabcd device 0x0001"
    assert pci_names.device_name(None, None, lists) == "unknown device"
    assert pci_names.class_name("0c0330") == "USB"
    assert pci_names.class_name("ff0000") == "class 0xff0000"
    assert pci_names.class_name(None) == "unknown"
