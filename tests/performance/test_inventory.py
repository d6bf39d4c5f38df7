"""How long it takes to look at a large machine: 16 GPUs with 256 virtual functions."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from aliquot.devices.discovery import Discoverer
from aliquot.devices.known_devices import KnownDevices
from aliquot.devices.opencl_source import OpenclSource
from aliquot.devices.source import Listing
from aliquot.model.modes import Mode
from tests.fakes.sysfs import FakeSysfs

pytestmark = pytest.mark.performance
BOUND_MS = 300.0
GPUS, EACH = 16, 16


class NoOpencl(OpenclSource):
    """Drivers are asked in processes of their own, and remembered: not measured here."""

    def __init__(self) -> None:
        self.error = None

    def list_devices(self) -> Listing:
        return Listing([])


def large_machine(sysfs: FakeSysfs) -> None:
    """Each GPU in a group with its functions around it, each virtual one with types to choose."""
    types = "\n".join(f"{557 + n} : NVIDIA L40S-{n}Q" for n in (1, 2, 3, 4, 6, 8, 12, 16, 24, 48))
    for gpu in range(GPUS):
        bus = 0x10 + gpu
        address = f"0000:{bus:02x}:00.0"
        sysfs.function(
            address,
            "10de:26b9",
            pci_class="0x030200",
            behind=f"pci0000:{bus:02x}/0000:{bus:02x}:01.0",
            driver="nvidia",
            group=bus,
            numa_node=gpu // 8,
            sriov_totalvfs=32,
            resource="\n".join(["0x0000000080000000 0x0000000080ffffff 0x0000000000040200"] * 13),
        )
        virtual = [f"0000:{bus:02x}:{n // 8:02x}.{n % 8}" for n in range(4, 4 + EACH)]
        sysfs.virtual_functions(address, "26b9", virtual)
        for function in virtual:
            place = sysfs.place(function)
            sysfs.write(
                place, {"nvidia/creatable_vgpu_types": types, "nvidia/current_vgpu_type": 0}
            )
            sysfs.bind(function, "nvidia")


def test_sixteen_gpus_with_256_virtual_functions(tmp_path: Path) -> None:
    sysfs = FakeSysfs(tmp_path / "sys")
    large_machine(sysfs)
    discoverer = Discoverer(
        sysfs_root=str(sysfs.root), opencl=NoOpencl(), known=KnownDevices(str(tmp_path / "known"))
    )
    times: list[float] = []
    for _ in range(5):
        begun = time.perf_counter()
        found = discoverer.discover()
        times.append((time.perf_counter() - begun) * 1000)
        assert len(found.devices) == GPUS
        for device in found.devices:
            partitions = [one for one in device.partitions if one.mode is Mode.SRIOV]
            assert len(partitions) == EACH
            assert len(device.partition_types) == 10
            assert device.partition_types[0].available == EACH
    print(f"inventory of {GPUS} GPUs and {GPUS * EACH} virtual functions: {min(times):.0f} ms")
    # The best of five: what else the machine does is not the inventory's.
    assert min(times) <= BOUND_MS
