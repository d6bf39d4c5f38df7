"""What `aliquot doctor` says of modes to the owners of three machines; what its lines do."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from aliquot.devices.discovery import Discoverer
from aliquot.devices.known_devices import KnownDevices
from aliquot.devices.nvml import NvmlSource
from aliquot.devices.source import Listing, Source
from aliquot.devices.sysfs import Sysfs
from aliquot.diagnosis import boot_loader
from aliquot.diagnosis.boot_loader import BootLoader, adding, boot_loaders, removing
from aliquot.diagnosis.finding import Finding, Level
from aliquot.diagnosis.iommu import check_iommu
from aliquot.diagnosis.modes import check_modes
from aliquot.model.physical_device import PhysicalDevice
from tests.fakes import nvml
from tests.fakes.sysfs import FakeSysfs


class NoOpencl:
    """No OpenCL driver is installed."""

    name = "opencl"

    def list_devices(self) -> Listing:
        return Listing([])

    def telemetry(self, device: PhysicalDevice) -> None:
        return None


class House:
    """A machine's files: /sys, /proc and what of / a boot loader has."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.root.mkdir()
        self.proc = folder / "proc"
        self.proc.mkdir()
        self.sysfs = FakeSysfs(folder / "sys")
        self.known = KnownDevices(str(folder / "known.json"))
        self.put("proc/cpuinfo", "vendor_id\t: GenuineIntel\nflags\t\t: fpu vmx\n")
        self.put("proc/cmdline", "root=/dev/sda1 quiet\n")
        self.nvml: Source | None = None

    def put(self, name: str, text: str = "") -> Path:
        base = self.proc.parent if name.startswith(("proc/", "sys/")) else self.root
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def iommu(self) -> Finding:
        sysfs, proc = Sysfs(str(self.sysfs.root)), Sysfs(str(self.proc))
        return check_iommu(sysfs, proc, str(self.root))

    def findings(self) -> dict[str, list[Finding]]:
        discoverer = Discoverer(
            sysfs_root=str(self.sysfs.root), opencl=NoOpencl(), nvml=self.nvml, known=self.known
        )
        found = check_modes(
            discoverer, str(self.sysfs.root), proc=str(self.proc), root=str(self.root)
        )
        told: dict[str, list[Finding]] = {}
        for finding in found:
            told.setdefault(finding.subject, []).append(finding)
        return told


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_the_owner_of_a_desktop_card(house: House) -> None:
    """One card, on which the screen hangs; the IOMMU is there and not used; GRUB."""
    house.sysfs.rx7900()
    (house.sysfs.root / "kernel/iommu_groups/15/devices/0000:03:00.0").unlink()
    (house.sysfs.root / "kernel/iommu_groups/15/devices/0000:03:00.1").unlink()
    (house.sysfs.root / "kernel/iommu_groups/15/devices").rmdir()
    (house.sysfs.root / "kernel/iommu_groups/15").rmdir()
    (house.sysfs.place("0000:03:00.0") / "iommu_group").unlink()
    house.put("sys/firmware/acpi/tables/DMAR")
    house.put("etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n')
    (house.sysfs.place("0000:03:00.0") / "drm/card0").mkdir(parents=True)
    process = house.proc / "812/fd"
    process.mkdir(parents=True)
    (house.proc / "812/comm").write_text("kwin_wayland\n")
    (process / "9").symlink_to("/dev/dri/card0")
    told = house.findings()
    (iommu,) = told["IOMMU"]
    assert iommu.level is Level.WEAK
    assert "without using it" in iommu.text
    assert iommu.remedy.startswith("GRUB: sed -i")
    assert "intel_iommu=on" in iommu.remedy
    (passthrough,) = told["passthrough"]
    assert (passthrough.level, passthrough.remedy) == (
        Level.WEAK,
        "as told above",
    )
    (used, *_) = told["in use"]
    assert "kwin_wayland (process 812, display)" in used.text
    (mig,) = told["mig"]
    assert (mig.level, mig.remedy) == (Level.OK, "")
    assert "only NVIDIA" in mig.text


def test_the_owner_of_a_proxmox_box_with_two_cards(house: House) -> None:
    """Intel's for the screen, NVIDIA's for guests, with its audio function; vfio is not loaded."""
    house.put("etc/pve/.version")
    house.put("etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n")
    house.sysfs.function("0000:00:02.0", "8086:a780", driver="i915", group=0, boot_vga=1)
    house.sysfs.function("0000:01:00.0", "10de:2504", driver="nouveau", group=2, boot_vga=0)
    audio = "0000:01:00.1"
    house.sysfs.function(audio, "10de:228e", pci_class="0x040300", group=2)
    told = house.findings()
    assert told["IOMMU"][0].text == "on, with 2 groups"
    (vfio,) = told["vfio-pci"]
    assert vfio.remedy.startswith("modprobe vfio-pci && ")
    display, card = told["passthrough"]
    assert "it is the display that the machine started with" in display.text
    assert audio in card.text
    assert card.level is Level.OK
    assert any("vGPU host driver" in finding.remedy for finding in told["mdev"])
    # GVT-g is for older ones than that.
    assert not any("enable_gvt" in finding.remedy for finding in told["mdev"])
    house.sysfs.bind("0000:01:00.0", "vfio-pci")
    told = house.findings()
    assert told["vfio-pci"][0].level is Level.OK
    bound = next(f for f in told["remoting"] if "kept" in f.text or "keeps" in f.text)
    assert "/sys/bus/pci/drivers/vfio-pci/unbind" in bound.remedy
    assert "0000:01:00.0" in bound.remedy
    again = next(finding for finding in told["mig"] if "keeps" in finding.text)
    assert again.remedy == "as told above"


def test_the_owner_of_an_older_laptop(house: House) -> None:
    """Intel's Gen9, of which GVT-g makes mdevs."""
    house.sysfs.function("0000:00:02.0", "8086:3e98", driver="i915", group=0, boot_vga=1)
    (mdev,) = house.findings()["mdev"]
    assert "enable_gvt=1" in mdev.remedy


def test_the_owner_of_a_server_with_eight_gpus(house: House) -> None:
    """What is alike is told once for all eight."""
    gpus: list[dict[str, object]] = []
    for number in range(8):
        bus = 0x11 + 0x11 * number
        address = f"0000:{bus:02x}:00.0"
        house.sysfs.function(
            address,
            "10de:2330",
            pci_class="0x030200",
            driver="nvidia",
            group=bus,
            numa_node=number // 4,
            sriov_totalvfs=16,
            sriov_numvfs=0,
        )
        off = [0, 0] if number < 6 else [1, 1]
        gpus.append(nvml.a100(f"0000{address}", number + 1, nvmlDeviceGetMigMode=off))
    house.nvml = NvmlSource(lambda: nvml.FakeNvml(*gpus))
    told = house.findings()
    off, on = told["mig"]
    assert off.text.startswith("6 devices (0000:11:00.0 to 0000:66:00.0) can: MIG is off")
    six = ",".join(f"0000:{n}{n}:00.0" for n in range(1, 7))
    assert off.remedy == f"nvidia-smi -i {six} -mig 1, while nothing runs on it"
    assert (on.text, on.level) == ("0000:77:00.0, 0000:88:00.0 can", Level.OK)
    whole, cut = told["passthrough"]
    assert "6 devices" in whole.text
    assert "its partitions (1) would have to end first" in cut.text
    for mode in ("mdev", "sriov", "remoting"):
        assert len(told[mode]) == 1, mode
        assert "8 devices" in told[mode][0].text
    assert sum(len(found) for found in told.values()) < 12


def test_nothing_is_said_where_there_is_no_gpu(house: House) -> None:
    house.sysfs.function("0000:00:1f.3", "8086:7a50", pci_class="0x040300")
    assert house.findings() == {}


def test_why_the_iommu_is_off(house: House) -> None:
    told = house.iommu()
    assert "off in firmware" in told.text
    assert told.remedy.splitlines()[0] == "firmware: switch Intel VT-d on in its setup"
    assert [line.split(":")[0] for line in told.remedy.splitlines()[1:]] == list(BootLoader)
    house.put("proc/cmdline", "root=/dev/sda1 intel_iommu=off\n")
    told = house.iommu()
    assert "started with intel_iommu=off" in told.text
    assert len(told.remedy.splitlines()) == 3
    house.put("proc/cmdline", "root=/dev/sda1\n")
    house.put("proc/cpuinfo", "vendor_id : AuthenticAMD\nflags : fpu svm\n")
    assert house.iommu().remedy == "firmware: switch AMD-Vi, often called IOMMU, on in its setup"
    house.put("proc/cpuinfo", "vendor_id : AuthenticAMD\nflags : fpu hypervisor\n")
    assert "virtual IOMMU" in house.iommu().text
    (house.sysfs.root / "kernel/iommu_groups/1").mkdir()
    assert house.iommu().level is Level.OK


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["etc/default/grub"], (BootLoader.GRUB,)),
        (["etc/default/grub", "etc/pve/x"], (BootLoader.GRUB,)),
        (["etc/default/grub", "etc/pve/x", "etc/kernel/cmdline"], (BootLoader.PROXMOX,)),
        (["efi/loader/entries/x.conf"], (BootLoader.SYSTEMD_BOOT,)),
        ([], tuple(BootLoader)),
    ],
)
def test_which_boot_loader(house: House, files: list[str], found: tuple[BootLoader, ...]) -> None:
    for name in files:
        house.put(name)
    assert boot_loaders(str(house.root)) == found


@pytest.mark.parametrize(
    ("loader", "file", "text", "changed"),
    [
        (
            BootLoader.GRUB,
            "etc/default/grub",
            'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX=""\n',
            'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT="intel_iommu=on quiet"\n'
            'GRUB_CMDLINE_LINUX=""\n',
        ),
        (
            BootLoader.SYSTEMD_BOOT,
            "boot/loader/entries/arch.conf",
            "title Arch\nlinux /vmlinuz\noptions root=UUID=1 rw\n",
            "title Arch\nlinux /vmlinuz\noptions root=UUID=1 rw intel_iommu=on\n",
        ),
        (
            BootLoader.PROXMOX,
            "etc/kernel/cmdline",
            "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n",
            "root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on\n",
        ),
    ],
)
def test_the_lines_do_what_they_say(
    house: House, loader: BootLoader, file: str, text: str, changed: str
) -> None:
    """Run by a shell, on a copy of the file and with the boot loader's own program left out."""
    path = house.put(file, text)
    programs = house.root / "programs"
    programs.mkdir()
    for name in ("update-grub", "proxmox-boot-tool"):
        (programs / name).write_text(f"#!/bin/sh\necho {name} $* >> {house.root}/ran\n")
        (programs / name).chmod(0o755)

    def run(lines: list[str]) -> None:
        (line,) = lines
        command = line.partition(": ")[2]
        for folder in (" /etc/", " /boot/"):
            command = command.replace(folder, f" {house.root}{folder.strip()}")
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        subprocess.run(["sh", "-c", command], check=True, env=environment)

    run(adding("intel_iommu=on", [loader], str(house.root)))
    assert path.read_text() == changed
    run(removing("intel_iommu=on", [loader], str(house.root)))
    assert "iommu" not in path.read_text()
    assert path.read_text().split() == text.replace('="quiet"', '=" quiet"').split() or (
        path.read_text() == text
    )
    if loader is not BootLoader.SYSTEMD_BOOT:
        ran = (house.root / "ran").read_text().split("\n")
        assert ran[0] in ("update-grub ", "update-grub", "proxmox-boot-tool refresh")


def test_fedora_changes_its_line_by_grubby(house: House) -> None:
    house.put("usr/sbin/grubby")
    lines = boot_loader.adding("amd_iommu=on", [BootLoader.GRUB], str(house.root))
    assert lines == ['GRUB: grubby --update-kernel=ALL --args="amd_iommu=on"']
