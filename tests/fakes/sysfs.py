"""Builds sysfs trees that look like those of real machines, in a temporary directory.

Names and formats are those of the kernel's documentation and drivers; the values are made up,
though such as these cards have. Nobody has run this project on such cards.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path


class FakeSysfs:
    """A /sys to which cards are added; cards may come, go and change while it is read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "bus/pci/devices").mkdir(parents=True)
        (root / "bus/pci/drivers").mkdir(parents=True)
        (root / "kernel/iommu_groups").mkdir(parents=True)

    def function(
        self,
        address: str,
        ids: str,
        *,
        pci_class: str = "0x030000",
        behind: str = "pci0000:00/0000:00:01.0",
        driver: str | None = None,
        group: int | None = None,
        **files: object,
    ) -> Path:
        """Add a PCI function; `ids` are vendor:device, `behind` the way to it below devices/."""
        vendor, device = ids.split(":")
        place = self.root / "devices" / behind / address
        place.mkdir(parents=True)
        link = self.root / "bus/pci/devices" / address
        link.symlink_to(os.path.relpath(place, link.parent))
        self.write(
            place,
            {
                "vendor": f"0x{vendor}",
                "device": f"0x{device}",
                "subsystem_vendor": f"0x{vendor}",
                "subsystem_device": "0x0001",
                "class": pci_class,
                "numa_node": -1,
                "current_link_speed": "16.0 GT/s PCIe",
                "current_link_width": 16,
                "max_link_speed": "16.0 GT/s PCIe",
                "max_link_width": 16,
                "reset_method": "flr bus",
                "reset": "",
                **files,
            },
        )
        self.bind(address, driver)
        if group is not None:
            members = self.root / "kernel/iommu_groups" / str(group) / "devices"
            members.mkdir(parents=True, exist_ok=True)
            (members / address).symlink_to(os.path.relpath(place, members))
            (place / "iommu_group").symlink_to(os.path.relpath(members.parent, place))
        return place

    def bind(self, address: str, driver: str | None) -> None:
        """Bind a function to a driver, or to none."""
        place = self.place(address)
        (place / "driver").unlink(missing_ok=True)
        if driver is not None:
            target = self.root / "bus/pci/drivers" / driver
            target.mkdir(exist_ok=True)
            (place / "driver").symlink_to(os.path.relpath(target, place))

    def place(self, address: str) -> Path:
        return (self.root / "bus/pci/devices" / address).resolve()

    def unplug(self, address: str) -> None:
        """Take a card out, as the kernel does: links first."""
        place = self.place(address)
        (self.root / "bus/pci/devices" / address).unlink()
        for member in self.root.glob(f"kernel/iommu_groups/*/devices/{address}"):
            member.unlink()
        shutil.rmtree(place)

    def write(self, place: Path, files: dict[str, object]) -> None:
        """Write files as the kernel does, with a line feed; None leaves one out."""
        for name, content in files.items():
            path = place / name
            if content is None:
                path.unlink(missing_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n")

    def hwmon(self, place: Path, number: int, **files: object) -> None:
        self.write(place / f"hwmon/hwmon{number}", files)

    def virtual_functions(self, address: str, device: str, addresses: list[str]) -> None:
        """Give a function SR-IOV virtual functions."""
        place = self.place(address)
        behind = str(place.parent.relative_to(self.root / "devices"))
        vendor = (place / "vendor").read_text().strip().removeprefix("0x")
        for index, virtual in enumerate(addresses):
            made = self.function(virtual, f"{vendor}:{device}", behind=behind)
            (made / "physfn").symlink_to(os.path.relpath(place, made))
            (place / f"virtfn{index}").symlink_to(os.path.relpath(made, place))
        self.write(place, {"sriov_numvfs": len(addresses)})

    # Cards.

    def a100(self, address: str = "0000:41:00.0", **changes: object) -> Path:
        """An NVIDIA A100 80 GB under NVIDIA's vGPU host driver, with mdev types and one mdev."""
        place = self.function(
            address,
            "10de:20b2",
            pci_class="0x030200",
            behind="pci0000:40/0000:40:01.1",
            driver="nvidia",
            group=41,
            **{"numa_node": 1, "sriov_totalvfs": 20, "sriov_numvfs": 0, **changes},
        )
        for number, name, left in ((1, "GRID A100D-4C", 19), (2, "GRID A100D-8C", 9)):
            self.write(
                place / f"mdev_supported_types/nvidia-{number}",
                {"name": name, "available_instances": left, "device_api": "vfio-pci"},
            )
        mdev = place / "f0f1f2f3-0000-4000-8000-000000000001"
        mdev.mkdir()
        (mdev / "mdev_type").symlink_to("../mdev_supported_types/nvidia-1")
        return place

    def mi300x(
        self, address: str, node: int, *, unique: str = "a1b2c3d4e5f60718", numa: int = 0
    ) -> Path:
        """An AMD Instinct MI300X: of the class of accelerators, in an XGMI hive."""
        bus = address.split(":")[1]
        place = self.function(
            address,
            "1002:74a1",
            pci_class="0x120000",
            behind=f"pci0000:{bus}/0000:{bus}:01.1",
            driver="amdgpu",
            group=int(bus, 16),
            numa_node=numa,
            unique_id=unique,
            product_name="Instinct MI300X OAM",
            mem_info_vram_total=192 << 30,
            mem_info_vram_used=3 << 30,
            gpu_busy_percent=37,
            mem_busy_percent=12,
            pp_dpm_sclk="0: 132Mhz\n1: 1200Mhz *\n2: 2100Mhz",
            pp_dpm_mclk="0: 900Mhz *\n1: 1300Mhz",
            pcie_replay_count=0,
        )
        self.write(
            place,
            {
                "xgmi_hive_info/xgmi_hive_id": 9876543210,
                "ras/umc_err_count": "ue: 0\nce: 3",
                "ras/gfx_err_count": "ue: 1\nce: 4",
                "ip_discovery/die/0/GC/0/major": 9,
                "ip_discovery/die/0/GC/0/minor": 4,
                "ip_discovery/die/0/GC/0/revision": 3,
            },
        )
        self.hwmon(
            place,
            node,
            name="amdgpu",
            power1_input=312_000_000,
            power1_cap=750_000_000,
            temp2_label="junction",
            temp2_input=54_000,
            temp3_label="mem",
            temp3_input=47_000,
        )
        location = int(bus, 16) << 8
        self.kfd_node(
            node,
            f"simd_count 1216\nsimd_per_cu 4\ngfx_target_version 90402\nlocation_id {location}\n"
            f"domain 0\nmax_engine_clk_fcompute 2100\nunique_id {int(unique, 16)}",
        )
        return place

    def kfd_node(self, node: int, properties: str) -> None:
        nodes = self.root / "class/kfd/kfd/topology/nodes"
        self.write(nodes / str(node), {"properties": properties})

    def xgmi(self, one: int, other: int) -> None:
        """Join two KFD nodes."""
        nodes = self.root / "class/kfd/kfd/topology/nodes"
        for here, there in ((one, other), (other, one)):
            text = f"type 11\nnode_from {here}\nnode_to {there}\nweight 15"
            self.write(nodes / f"{here}/io_links/{there}", {"properties": text})

    def rx7900(self, address: str = "0000:03:00.0") -> Path:
        """An AMD RX 7900 XTX with its audio function, both in one IOMMU group."""
        place = self.function(
            address,
            "1002:744c",
            driver="amdgpu",
            group=15,
            boot_vga=1,
            reset_method=None,
            reset=None,
            mem_info_vram_total=24 << 30,
            mem_info_vram_used=900 << 20,
            gpu_busy_percent=4,
            pp_dpm_sclk="0: 500Mhz *\n1: 2526Mhz",
        )
        self.write(
            place,
            {
                "ip_discovery/die/0/GC/0/major": 11,
                "ip_discovery/die/0/GC/0/minor": 0,
                "ip_discovery/die/0/GC/0/revision": 0,
            },
        )
        self.hwmon(
            place,
            5,
            power1_average=45_000_000,
            temp1_label="edge",
            temp1_input=41_000,
            name="amdgpu",
        )
        audio = address.replace(".0", ".1")
        self.function(audio, "1002:ab30", pci_class="0x040300", driver="snd_hda_intel", group=15)
        return place

    def arc(self, address: str = "0000:07:00.0") -> Path:
        """An Intel Arc A770 under i915."""
        place = self.function(address, "8086:56a0", driver="i915", group=20)
        self.write(
            place / "drm/card1",
            {
                "gt/gt0/rps_RP0_freq_mhz": 2400,
                "gt/gt0/rps_act_freq_mhz": 600,
                "gt/gt0/rc6_residency_ms": 1000,
                "lmem_total_bytes": 16 << 30,
            },
        )
        self.hwmon(place, 2, name="i915", power1_max=190_000_000, energy1_input=5_000_000)
        return place

    def flex(self, address: str = "0000:4d:00.0") -> Path:
        """An Intel Data Center GPU Flex 170 under xe, with three virtual functions."""
        place = self.function(
            address,
            "8086:56c0",
            pci_class="0x038000",
            behind="pci0000:4a/0000:4a:02.0",
            driver="xe",
            group=33,
            sriov_totalvfs=31,
            sriov_numvfs=0,
        )
        self.write(
            place / "tile0",
            {
                "physical_vram_size_bytes": 16 << 30,
                "gt0/freq0/rp0_freq": 2050,
                "gt0/freq0/act_freq": 300,
                "gt0/gtidle/idle_residency_ms": 90_000,
            },
        )
        self.hwmon(
            place,
            3,
            name="xe",
            power1_max=150_000_000,
            energy1_input=77_000_000,
            temp2_label="pkg",
            temp2_input=39_000,
            temp3_label="vram",
            temp3_input=44_000,
        )
        self.virtual_functions(address, "56c0", [f"0000:4d:00.{n}" for n in (1, 2, 3)])
        return place
