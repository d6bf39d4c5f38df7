"""A service on the houses of the modes: a sysfs with behaviour, and a stand-in for NVML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aliquot.daemon.core import Core
from aliquot.daemon.discovery import Finder
from aliquot.daemon.hardware import Hardware
from aliquot.daemon.service import Service
from aliquot.devices import nvml_mig
from aliquot.devices.discovery import Discoverer
from aliquot.devices.known_devices import KnownDevices
from aliquot.devices.nvml_calls import NvmlCalls
from aliquot.devices.source import Listing, Sighting, Source
from aliquot.model.api.vgpus import VgpuResource, VgpuWanted
from aliquot.model.device import Device
from aliquot.model.hardware import Made
from aliquot.model.modes import Mode
from aliquot.model.physical_device import PhysicalDevice
from aliquot.modes.interface import VgpuMode
from aliquot.store import Location, Store
from tests.contract.daemon.house import ADMIN, GIB, ONE
from tests.contract.daemon.house import House as ServiceHouse
from tests.contract.modes.houses import GPU, MigHouse
from tests.contract.modes.houses import House as Hardware_
from tests.contract.store.places import NODE, Clock
from tests.fakes.device_hosts import FakeMachine, device
from tests.fakes.kernel.pci import Function


class Nvml:
    """What NVML tells of the one GPU of a house with MIG."""

    name = "nvml"

    def __init__(self, house: MigHouse) -> None:
        self._calls = NvmlCalls(house.library)
        pci = house.machine.pci
        if GPU not in pci.functions:
            pci.driver("nvidia", "10de:20b5")
            pci.add(Function(GPU, "10de:20b5", "0x030200", group=15))

    def list_devices(self) -> Listing:
        if self._calls.library.load().get("gone"):
            return Listing([], "the GPU is gone")
        ability, types, partitions = nvml_mig.read(self._calls, "gpu")
        seen = Sighting(
            source=self.name,
            pci_address=GPU,
            name="NVIDIA A100-SXM4-80GB",
            memory=80 * GIB,
            partition_types=types,
            partitions=partitions,
            verdicts=(ability,),
        )
        return Listing([seen], None)

    def telemetry(self, device: PhysicalDevice) -> None:
        return None


class HardwareService(ServiceHouse):
    """The daemon's service, without threads, on a machine whose hardware is a house's."""

    def __init__(self, folder: Path, house: Hardware_, *offered: Device) -> None:
        self.house = house
        self.folder = folder
        self.clock = Clock()
        self.machine = FakeMachine(*offered)
        self.told: list[Mapping[str, str]] = []  # what a driver was told, to show a partition
        self.start()

    def start(self) -> None:
        """As a daemon that has just begun, on the state that there is."""
        mode: VgpuMode = self.house.mode()
        hardware = Hardware({mode.mode: mode}, self.house.journal())
        store = Store.open(Location(str(self.folder / "state")), NODE, clock=self.clock)
        self.core = Core(store, NODE, self.machine.hosts(), hardware)
        discoverer = Discoverer(
            sysfs_root=self.house.sysfs,
            opencl=self.machine.opencl,
            nvml=self._nvml(),
            known=KnownDevices(str(self.folder / "known")),
        )
        self.service = Service(self.core, Finder(self.core, discoverer))
        self.service.vgpus.carriers.offer = self._offer
        self.service.vgpus.carriers.remember()
        self.store = store
        self.service.finder.look()
        self.service.hardware.recover()
        self.settle()

    def _nvml(self) -> Source | None:
        return Nvml(self.house) if isinstance(self.house, MigHouse) else None

    def _offer(self, variables: Mapping[str, str]) -> Device:
        self.told.append(variables)
        found = device(ONE, 39 * GIB, name="A100 MIG")
        return found._replace(variables=tuple(sorted(variables.items())))

    def restart(self) -> None:
        """The daemon ends, and another begins."""
        self.close()
        self.start()

    def create(self, name: str = "a", **more: Any) -> VgpuResource:
        """A vGPU of the house's mode, as the house usually wants it."""
        kind = self.house.wanted().type
        fields: dict[str, Any] = {"mode": self.house.mode().mode.value, **more}
        if kind is not None:
            fields.setdefault("type", kind)
        return self.service.vgpus.create(ADMIN, VgpuWanted(name=name, **fields))

    def show(self, name: str = "a") -> VgpuResource:
        """A vGPU by its name."""
        return self.service.vgpus.show(ADMIN, name)

    def unplug(self, made: VgpuResource) -> None:
        """Take the device out."""
        self._plugged = dict(self.house.machine.pci.functions)
        self.house.unplug(Made(mode=Mode(made.mode), vgpu=made.id, device=GPU, id=made.hardware))

    def plug_back(self) -> None:
        """Put it back: the kernel knows nothing of what was made of it before."""
        if isinstance(self.house, MigHouse):
            state = self.house.library.load()
            self.house.library.save({**state, "gone": False, "instances": {}})
            return
        pci = self.house.machine.pci
        for address, function in self._plugged.items():
            if address in pci.functions or function.physical is not None:
                continue
            function.driver, function.override = None, ""
            if function.parent is not None:
                function.parent.made.clear()
            pci.add(function)

    def restart_machine(self) -> None:
        """The runtime directory is empty after it, and so is what the kernel had made."""
        self.close()
        folder = Path(self.house.journal().path)
        for path in folder.iterdir():
            path.unlink()
        pci = self.house.machine.pci
        for function in list(pci.functions.values()):
            if function.physical is not None:
                pci.functions.pop(function.address, None)
        for function in pci.functions.values():
            function.driver, function.override = None, ""
            if function.parent is not None:
                function.parent.made.clear()
            if function.sriov is not None:
                function.sriov.count = 0
            pci.probe(function)
        if isinstance(self.house, MigHouse):
            self.house.library.save({**self.house.library.load(), "instances": {}})
        self.start()

    def watch(self) -> None:
        """Look at hardware and devices once; what that calls for, `settle` does."""
        self.service.finder.look()
        self.service.hardware.look()
