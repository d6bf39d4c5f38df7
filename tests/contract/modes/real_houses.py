"""The same contract on a real kernel: what tools.vm plugs into its guest VM, and only there."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from aliquot.devices.pci import driver_of
from aliquot.devices.sysfs import PCI_DEVICES, Sysfs
from aliquot.model.hardware import Attachment, Made
from aliquot.modes.binding import VFIO
from aliquot.modes.interface import VgpuMode
from aliquot.modes.kernel import Kernel
from aliquot.modes.passthrough import Passthrough
from aliquot.modes.sriov import Sriov
from tests.contract.modes.houses import House

REAL = os.environ.get("ALIQUOT_TEST_KERNEL") == "real"
SYSFS = "/sys"


class DyingKernel(Kernel):
    """The real one; it can kill the process before or after a write of a given number."""

    def __init__(self, house: RealHouse) -> None:
        super().__init__(SYSFS)
        self._house = house

    def write(self, text: str, *parts: str) -> None:
        house = self._house
        house.written += 1
        dies = house.dies_at if os.getpid() != house.process else None
        if dies == (house.written, False):
            os.kill(os.getpid(), signal.SIGKILL)
        super().write(text, *parts)
        if dies == (house.written, True):
            os.kill(os.getpid(), signal.SIGKILL)


class RealHouse(House):
    """Functions of the real bus, or other hardware, put back as it was at the end."""

    functions: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sysfs = SYSFS
        self.process = os.getpid()
        self.written = 0
        self.dies_at: tuple[int, bool] | None = None
        self.user: subprocess.Popen[bytes] | None = None
        self.device = self.functions[0] if self.functions else self.device
        self.at_first = self.state()

    def build(self) -> None:
        """It is built as the guest VM starts."""

    def kernel(self) -> Kernel:
        return DyingKernel(self)

    def state(self) -> object:
        sysfs = Sysfs(SYSFS)
        found: dict[str, object] = {}
        for address in self.functions:
            here = (PCI_DEVICES, address)
            override, count = (sysfs.text(*here, n) for n in ("driver_override", "sriov_numvfs"))
            found[address] = (driver_of(sysfs, address), override, count)
            virtual = [name for name in sysfs.names(*here) if name.startswith("virtfn")]
            for name in virtual:
                function = sysfs.link(*here, name) or ""
                found[function] = driver_of(sysfs, function) == VFIO
        return found

    def use(self, made: Made, attachment: Attachment) -> int:
        """As QEMU does: by the file of the VFIO group."""
        command = f"exec 9<>{attachment.files[-1]}; exec sleep 1000"
        self.user = subprocess.Popen(["bash", "-c", command])
        opened = Path(f"/proc/{self.user.pid}/fd/9")
        until(opened.is_symlink)
        return self.user.pid

    def end_use(self, made: Made) -> None:
        assert self.user is not None
        self.user.kill()
        self.user.wait()
        self.user = None

    def unplug(self, made: Made) -> None:
        for address in reversed(self.functions):
            put("1", f"{SYSFS}/{PCI_DEVICES}/{address}/remove")

    def meddle(self, made: Made) -> None:
        address = self.functions[-1]
        put("\n", f"{SYSFS}/{PCI_DEVICES}/{address}/driver_override")
        put(address, f"{SYSFS}/{PCI_DEVICES}/{address}/driver/unbind")
        put(address, f"{SYSFS}/bus/pci/drivers_probe")

    def deny(self, denied: bool) -> None:
        """A sysfs that can only be read: as in containers."""
        how = "ro" if denied else "rw"
        subprocess.run(["mount", "-o", f"remount,{how}", SYSFS], check=True)

    def kill_at(self, change: int, *, done: bool) -> None:
        self.dies_at = (self.written + change, done)

    def kill_nobody(self) -> None:
        self.dies_at = None

    def changes(self) -> int:
        return self.written

    def close(self) -> None:
        self.deny(False)
        if self.user is not None:
            self.user.kill()
            self.user.wait()
        self._plug_in()
        mode = self.mode()
        mode.recover()
        for made in mode.adopt():
            mode.delete(made.vgpu)
        until(lambda: self.state() == self.at_first)

    def _plug_in(self) -> None:
        put("1", f"{SYSFS}/bus/pci/rescan")
        for address in self.functions:
            if (Path(SYSFS) / PCI_DEVICES / address / "sriov_numvfs").exists():
                put("0", f"{SYSFS}/{PCI_DEVICES}/{address}/sriov_numvfs")


class RealCard(RealHouse):
    """A card, whole."""

    rooms = 1

    def mode(self) -> VgpuMode:
        return Passthrough(self.kernel(), self.journal())


class AudioCard(RealCard):
    """One without a driver, with an audio function that has one, in one group."""

    functions = ("0000:01:00.0", "0000:01:00.1")


class BochsCard(RealCard):
    functions = ("0000:02:00.0",)


class VirtioCard(RealCard):
    functions = ("0000:03:00.0",)


class SecondCard(RealCard):
    functions = ("0000:04:00.0",)


class VirtualFunctions(RealHouse):
    """A device of which the kernel makes four virtual functions, which no driver takes unasked.

    Linux 6.1's nvme would: half a second later it finds that it can't use them, and then lets go
    of the function, whatever driver that has by then: it seems to have taken vfio-pci from one.
    """

    functions = ("0000:05:00.0",)
    rooms = 4

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        put("0", f"{SYSFS}/{PCI_DEVICES}/{self.device}/sriov_drivers_autoprobe")

    def mode(self) -> VgpuMode:
        return Sriov(self.kernel(), self.journal())

    def unplug(self, made: Made) -> None:
        """Virtual functions first: Linux 6.1 leaves them behind, and falls over them later."""
        put("0", self.count)
        super().unplug(made)

    def meddle(self, made: Made) -> None:
        put("0", self.count)
        put("1", self.count)

    def close(self) -> None:
        super().close()
        put("1", f"{SYSFS}/{PCI_DEVICES}/{self.device}/sriov_drivers_autoprobe")

    @property
    def count(self) -> str:
        return f"{SYSFS}/{PCI_DEVICES}/{self.device}/sriov_numvfs"


REAL_HOUSES: dict[str, type[RealHouse]] = {
    "passthrough-audio": AudioCard,
    "passthrough-bochs": BochsCard,
    "passthrough-virtio": VirtioCard,
    "passthrough-second-vga": SecondCard,
    "sriov": VirtualFunctions,
}


def put(text: str, path: str) -> None:
    """Write as a shell would, by another hand than the mode's."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait: what drivers do as they find a device takes its time, emulated."""
    last = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < last
        time.sleep(0.05)
