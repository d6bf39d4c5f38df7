"""The daemon's service on a sysfs with behaviour, and hypervisors of ours on their stand-ins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from aliquot.devices.sysfs import Sysfs
from aliquot.leases.vm.hypervisors import Hypervisors
from aliquot.leases.vm.libvirt.hypervisor import Libvirt
from aliquot.leases.vm.proxmox.api import Api
from aliquot.leases.vm.proxmox.hypervisor import Proxmox
from aliquot.leases.vm.proxmox.settings import Settings, Token
from aliquot.leases.vm.qemu.hypervisor import Qemu
from aliquot.model.api.leases import LeaseResource
from aliquot.model.api.vms import AttachedResource, AttachWanted
from aliquot.model.vm import HypervisorKind
from tests.contract.daemon.hardware_house import HardwareService
from tests.contract.daemon.house import ADMIN
from tests.contract.modes.houses import GPU, HOUSES
from tests.fakes.kernel.machine import Machine
from tests.fakes.libvirtd import FakeLibvirtd
from tests.fakes.proxmox import NODE, SECRET, TOKEN, USER, FakeProxmox


class Around:
    """The service, and the hypervisors around it."""

    def __init__(self, service: HardwareService, folder: Path) -> None:
        self.libvirtd = FakeLibvirtd("build-01", "build-02")
        self.domain, self.other = self.libvirtd.listed.values()
        self.house = service
        self.folder = folder
        self.proxmox: FakeProxmox | None = None
        self.connect()

    def connect(self) -> None:
        """Let the service ask these hypervisors, as one that has just started."""

        def proxmox() -> Proxmox:
            fake = self.proxmox
            assert fake is not None
            told = Settings(fake.host, Token(USER, TOKEN, SECRET), str(fake.ca), NODE)
            return Proxmox(lambda: Api(told), sysfs=Sysfs(self.house.house.sysfs), look_seconds=0.1)

        self.house.core.hypervisors = Hypervisors(
            {
                HypervisorKind.LIBVIRT: lambda: Libvirt(
                    lambda: self.libvirtd, look_seconds=0.05, unplug_seconds=0.3
                ),
                HypervisorKind.QEMU: lambda: Qemu(
                    str(self.house.house.machine.proc), unplug_seconds=0.5
                ),
                **({HypervisorKind.PROXMOX: proxmox} if self.proxmox else {}),
            }
        )
        self.vms = self.house.service.vms

    def attach(self, vm: str | None = "libvirt:build-01", **more: bool) -> AttachedResource:
        """Attach vGPU `a`."""
        return self.vms.attach(ADMIN, "a", AttachWanted(vm=vm, **more))

    def leases(self, *, ended: bool = False) -> list[LeaseResource]:
        return self.house.service.leases.list(ADMIN, vgpu="a", ended=ended).items

    def driver(self, address: str = GPU) -> str:
        driver = self.house.house.machine.pci.functions[address].driver
        return driver.name if driver else "-"


def around(kind: str, folder: Path, sysfs: str, machine: Machine) -> Iterator[Around]:
    service = HardwareService(folder, HOUSES[kind](folder, sysfs, machine))
    try:
        service.create()
        yield Around(service, folder)
    finally:
        service.close()
