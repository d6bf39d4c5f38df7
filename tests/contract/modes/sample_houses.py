"""Mediated devices of the kernel's own sample drivers: in tools.vm's guest VM, and only there."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

from aliquot.devices.sysfs import Sysfs
from aliquot.model.hardware import Made, Wanted
from aliquot.modes.interface import VgpuMode
from aliquot.modes.mdev import Mdev
from tests.contract.modes.real_houses import SYSFS, RealHouse, put, until

_DEVICES = "bus/mdev/devices"
# Numbers of system calls on x86-64, which the guest VM is: it may have no insmod.
_FINIT_MODULE, _DELETE_MODULE = 313, 176


class SampleHouse(RealHouse):
    """A parent that is no PCI function, of a driver that is loaded and unloaded."""

    type: str | None

    def mode(self) -> VgpuMode:
        return Mdev(self.kernel(), self.journal())

    def wanted(self, number: int = 1, **changes: Any) -> Wanted:
        return super().wanted(number, **{"type": self.type, **changes})

    def state(self) -> object:
        """What its types have room for, and all mdevs with their types."""
        sysfs = Sysfs(SYSFS)
        types = self.types
        room = {one: sysfs.natural(*types, one, "available_instances") for one in names(*types)}
        made = {one: sysfs.link(_DEVICES, one, "mdev_type") for one in names(_DEVICES)}
        return room, made

    @property
    def types(self) -> tuple[str, ...]:
        return "class/mdev_bus", self.device, "mdev_supported_types"

    def create(self, kind: str, text: str) -> None:
        """Ask the driver for one, by another hand than the mode's."""
        put(text, Sysfs(SYSFS).path(*self.types, kind, "create"))

    def remove(self, name: str) -> None:
        put("1", f"{SYSFS}/{_DEVICES}/{name}/remove")

    def meddle(self, made: Made) -> None:
        self.remove(made.id)

    def unplug(self, made: Made) -> None:
        """The driver goes, and takes the parent and what was made of it along."""
        for name in names(_DEVICES):
            self.remove(name)
        _call(_DELETE_MODULE, self.device.encode(), 0)

    def _plug_in(self) -> None:
        if not names("class/mdev_bus", self.device):
            file = Path(os.environ["ALIQUOT_TEST_MODULES"]) / "extra" / f"{self.device}.ko"
            with open(file, "rb") as module:
                _call(_FINIT_MODULE, module.fileno(), b"", 0)
        until(lambda: bool(names(*self.types)))


class Mtty(SampleHouse):
    """Serial ports, 24 in all, which nothing describes."""

    device = "mtty"
    type = "Dual port serial"
    rooms = 12


class Mdpy(SampleHouse):
    """Displays, four in all."""

    device = "mdpy"
    type = "mdpy-vga"
    rooms = 4


class Mbochs(SampleHouse):
    """Displays with memory of one budget, much like that of a GPU: 256 MB, 64 MB each."""

    device = "mbochs"
    type = "mbochs-large"
    rooms = 4


SAMPLE_HOUSES: dict[str, type[SampleHouse]] = {
    "mdev-mtty": Mtty,
    "mdev-mdpy": Mdpy,
    "mdev-mbochs": Mbochs,
}


def names(*parts: str) -> list[str]:
    return Sysfs(SYSFS).names(*parts)


def _call(number: int, *arguments: int | bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
