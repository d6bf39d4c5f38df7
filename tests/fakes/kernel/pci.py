"""The PCI bus of the kernel with behaviour: functions, drivers, IOMMU groups, SR-IOV."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.fakes.kernel.mdev import MdevParent
from tests.fakes.kernel.tree import Dir, File, Link, Node, Refused, fixed

VFIO = "vfio-pci"


@dataclass
class Driver:
    """A kernel driver; `takes` are vendor:device ids, `refuses` addresses whose probe fails."""

    name: str
    takes: tuple[str, ...] = ()
    refuses: set[str] = field(default_factory=set)


@dataclass
class Sriov:
    """What a physical function can: so many virtual functions, with NVIDIA's types or without."""

    most: int
    device: str
    count: int = 0
    types: Mapping[str, tuple[str, int]] = field(default_factory=dict)  # id: name, size
    budget: int = 0
    closed: bool = False  # as drivers that only make them in their own way


@dataclass
class Function:
    """A PCI function."""

    address: str
    ids: str
    pci_class: str = "0x030000"
    driver: Driver | None = None
    override: str = ""
    group: int | None = None
    boot: bool = False
    sriov: Sriov | None = None
    parent: MdevParent | None = None
    physical: Function | None = None
    vgpu_type: str = "0"
    files: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, tuple[str, ...]] = field(default_factory=dict)  # drm, sound


class Pci:
    """The bus."""

    def __init__(self) -> None:
        self.functions: dict[str, Function] = {}
        self.drivers: dict[str, Driver] = {}
        self.unbound: list[tuple[str, str]] = []  # function and driver, of every unbinding

    def driver(self, name: str, *takes: str) -> Driver:
        self.drivers[name] = Driver(name, takes)
        return self.drivers[name]

    def add(self, function: Function) -> Function:
        """Plug a function in, and let its driver find it."""
        self.functions[function.address] = function
        self.probe(function)
        return function

    def unplug(self, address: str) -> None:
        """Take a function out, with what hangs on it."""
        function = self.functions.pop(address)
        if function.sriov:
            self._set_count(function, 0)

    def probe(self, function: Function) -> None:
        """Bind the driver that matches, as the kernel does."""
        if function.driver is not None:
            return
        for driver in self.drivers.values():
            chosen = function.override
            if driver.name == chosen if chosen else function.ids in driver.takes:
                self._bind(function, driver)

    def _bind(self, function: Function, driver: Driver) -> None:
        fit = driver.name != VFIO or function.group is not None
        if fit and function.address not in driver.refuses:
            function.driver = driver

    # What is written.

    def bind(self, driver: Driver, text: str) -> None:
        function = self.functions.get(text.strip())
        override = function.override if function else ""
        if function is None or function.driver is not None:
            raise Refused(errno.ENODEV)
        if not (override == driver.name if override else function.ids in driver.takes):
            raise Refused(errno.ENODEV)
        self._bind(function, driver)
        if function.driver is None:
            raise Refused(errno.EIO)

    def unbind(self, driver: Driver, text: str) -> None:
        function = self.functions.get(text.strip())
        if function is None or function.driver is not driver:
            raise Refused(errno.ENODEV)
        self.unbound.append((function.address, driver.name))
        function.driver = None

    def drivers_probe(self, text: str) -> None:
        function = self.functions.get(text.strip())
        if function is None:
            raise Refused(errno.ENODEV)
        self.probe(function)

    def set_count(self, function: Function, text: str) -> None:
        sriov = function.sriov
        assert sriov is not None
        count = int(text)
        if sriov.closed or function.driver is None:
            raise Refused(errno.ENOENT)
        if count > sriov.most:
            raise Refused(errno.ERANGE)
        if count and sriov.count:
            raise Refused(errno.EBUSY)
        self._set_count(function, count)

    def _set_count(self, function: Function, count: int) -> None:
        sriov = function.sriov
        assert sriov is not None
        for address in self.virtual(function):
            self.functions.pop(address, None)
        sriov.count = count
        base = max((one.group or 0 for one in self.functions.values()), default=0) + 1
        for number, address in enumerate(self.virtual(function)):
            ids = f"{function.ids.split(':')[0]}:{sriov.device}"
            made = Function(address, ids, function.pci_class, group=base + number)
            made.physical = function
            self.add(made)

    def virtual(self, function: Function) -> list[str]:
        """Addresses of a function's virtual functions: from function 4 on, as NVIDIA's are."""
        stem, count = function.address[:-4], function.sriov.count if function.sriov else 0
        return [f"{stem}{(n + 4) // 8:02x}.{(n + 4) % 8}" for n in range(count)]

    # NVIDIA's types of virtual functions.

    def creatable(self, function: Function) -> dict[str, tuple[str, int]]:
        sriov = function.physical.sriov if function.physical else None
        if sriov is None or function.vgpu_type != "0":
            return {}
        others = (self.functions[a] for a in self.virtual(function.physical))  # type: ignore[arg-type]
        used = sum(sriov.types[o.vgpu_type][1] for o in others if o.vgpu_type != "0")
        left = sriov.budget - used
        return {number: told for number, told in sriov.types.items() if told[1] <= left}

    def set_type(self, function: Function, text: str) -> None:
        wanted = text.strip()
        if wanted != "0" and wanted not in self.creatable(function):
            raise Refused(errno.EINVAL)
        function.vgpu_type = wanted

    # What is shown.

    def tree(self) -> dict[str, Node]:
        return {
            "devices": Dir(lambda: {a: self._function(f) for a, f in self.functions.items()}),
            "drivers": Dir(lambda: {n: self._driver(d) for n, d in self.drivers.items()}),
            "drivers_probe": File(write=self.drivers_probe),
        }

    def groups(self) -> Dir:
        def members(group: int) -> Node:
            return fixed(
                {
                    "devices": fixed(
                        {
                            f.address: Link(f"../../../../bus/pci/devices/{f.address}")
                            for f in self.functions.values()
                            if f.group == group
                        }
                    )
                }
            )

        def entries() -> dict[str, Node]:
            numbers = {f.group for f in self.functions.values() if f.group is not None}
            return {str(number): members(number) for number in sorted(numbers)}

        return Dir(entries)

    def _driver(self, driver: Driver) -> Node:
        return fixed(
            {
                "bind": File(write=lambda text: self.bind(driver, text)),
                "unbind": File(write=lambda text: self.unbind(driver, text)),
            }
        )

    def _function(self, function: Function) -> Node:
        return Dir(lambda: self._entries(function))

    def _entries(self, function: Function) -> dict[str, Node]:
        vendor, device = function.ids.split(":")
        shown: dict[str, Node] = {
            "vendor": File(f"0x{vendor}"),
            "device": File(f"0x{device}"),
            "class": File(function.pci_class),
            "reset_method": File("flr bus"),
            "driver_override": File(
                lambda: function.override or "(null)",
                lambda text: setattr(function, "override", text.strip()),
            ),
            **{name: File(text) for name, text in function.files.items()},
        }
        if function.pci_class == "0x030000":
            shown["boot_vga"] = File("1" if function.boot else "0")
        if function.driver is not None:
            shown["driver"] = Link(f"../../drivers/{function.driver.name}")
            if function.driver.name != VFIO:
                for folder, names in function.nodes.items():
                    shown[folder] = fixed({name: fixed({}) for name in names})
        if function.group is not None:
            shown["iommu_group"] = Link(f"../../../../kernel/iommu_groups/{function.group}")
        if function.physical is not None:
            shown["physfn"] = Link(f"../{function.physical.address}")
            if function.physical.sriov and function.physical.sriov.types:
                shown["nvidia"] = self._types(function)
        if function.sriov is not None:
            shown |= self._counts(function, function.sriov)
        if function.parent is not None and function.driver is not None:
            shown |= function.parent.entries()
        return shown

    def _counts(self, function: Function, sriov: Sriov) -> dict[str, Node]:
        shown: dict[str, Node] = {
            "sriov_totalvfs": File(str(sriov.most)),
            "sriov_numvfs": File(
                lambda: str(sriov.count), lambda text: self.set_count(function, text)
            ),
        }
        for number, address in enumerate(self.virtual(function)):
            shown[f"virtfn{number}"] = Link(f"../{address}")
        return shown

    def _types(self, function: Function) -> Node:
        def creatable() -> str:
            listed = (
                f"{number} : {name}" for number, (name, _) in self.creatable(function).items()
            )
            return "ID : vGPU Name\n" + "\n".join(listed)

        return fixed(
            {
                "creatable_vgpu_types": File(creatable),
                "current_vgpu_type": File(
                    lambda: function.vgpu_type, lambda text: self.set_type(function, text)
                ),
            }
        )
