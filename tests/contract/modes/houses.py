"""For each mode a machine that can do it: what the contract is held against.

A house says how the mode's hardware is used, unplugged, changed by somebody else and denied, so
that one suite holds for all modes, and for a real kernel as for the one with behaviour.
"""

from __future__ import annotations

import abc
import uuid
from pathlib import Path
from typing import Any

from aliquot.model.hardware import Attachment, Made, Wanted
from aliquot.modes.interface import VgpuMode
from aliquot.modes.journal import Journal
from aliquot.modes.kernel import Kernel
from aliquot.modes.mdev import Mdev
from aliquot.modes.mig.mode import Mig
from aliquot.modes.passthrough import Passthrough
from aliquot.modes.sriov import Sriov
from tests.fakes.kernel.machine import Machine
from tests.fakes.kernel.mdev import MdevParent, Type
from tests.fakes.kernel.pci import Function
from tests.fakes.kernel.pci import Sriov as CanSriov
from tests.fakes.nvml_mig import MigNvml

GPU = "0000:41:00.0"
AUDIO = "0000:41:00.1"
OTHER = "0000:42:00.0"
QEMU = 4242


class House(abc.ABC):
    """A machine, its journal and the mode under test."""

    device = GPU
    rooms = 2  # how many vGPUs fit
    kept_attached = True  # what is used isn't detached: it could not be used on

    def __init__(self, folder: Path, sysfs: str, machine: Machine) -> None:
        self.folder = folder
        self.sysfs = sysfs
        self.machine = machine
        self.build()

    @abc.abstractmethod
    def build(self) -> None:
        """Plug the hardware in."""

    @abc.abstractmethod
    def mode(self) -> VgpuMode:
        """The mode, as a process has it that has just started."""

    def wanted(self, number: int = 1, **changes: Any) -> Wanted:
        """What a vGPU of that number asks for."""
        fields: dict[str, Any] = {"vgpu": vgpu(number), "device": self.device, **changes}
        return Wanted(**fields)

    def journal(self) -> Journal:
        return Journal(str(self.folder / "modes"))

    def kernel(self) -> Kernel:
        return Kernel(self.sysfs)

    def state(self) -> object:
        """All of the hardware that can be seen, to be compared."""
        return self.machine.state()

    def use(self, made: Made, attachment: Attachment) -> int:
        """Let a virtual machine, or what else the mode is for, use it; the process's number."""
        self.machine.opens(QEMU, "qemu-system-x86", attachment.files[-1])
        return QEMU

    def end_use(self, made: Made) -> None:
        self.machine.ends(QEMU)

    def unplug(self, made: Made) -> None:
        """Take the device out."""
        self.machine.pci.unplug(self.device)

    def close(self) -> None:  # noqa: B027 - most start nothing
        """End what the house has started."""

    @abc.abstractmethod
    def meddle(self, made: Made) -> None:
        """Let somebody else change what was made, or attached."""

    def deny(self, denied: bool) -> None:
        """Let the kernel permit nothing."""
        self.machine.denied = denied

    def kill_at(self, change: int, *, done: bool) -> None:
        """Kill who makes that change of the hardware, before or after it is carried out."""
        self.machine.kill_at(change, done=done)

    def kill_nobody(self) -> None:
        self.machine.kill_nobody()

    def changes(self) -> int:
        """How many changes of the hardware there have been."""
        return len(self.machine.writes)


def vgpu(number: int) -> str:
    return str(uuid.UUID(int=number, version=4))


class PassthroughHouse(House):
    """A card with an audio function in its group."""

    rooms = 1

    def build(self) -> None:
        pci = self.machine.pci
        pci.driver("vfio-pci")
        pci.driver("nouveau", "10de:2684")
        pci.driver("snd_hda_intel", "10de:22ba")
        pci.driver("pcieport", "8086:a700")
        pci.add(Function("0000:00:01.0", "8086:a700", "0x060400", group=15))
        pci.add(Function(GPU, "10de:2684", group=15, nodes={"drm": ("card1", "renderD129")}))
        pci.add(Function(AUDIO, "10de:22ba", "0x040300", group=15, nodes={"sound": ("card2",)}))

    def mode(self) -> Passthrough:
        return Passthrough(self.kernel(), self.journal(), str(self.machine.proc))

    def unplug(self, made: Made) -> None:
        self.machine.pci.unplug(GPU)
        self.machine.pci.unplug(AUDIO)

    def meddle(self, made: Made) -> None:
        pci = self.machine.pci
        pci.functions[AUDIO].override = ""
        pci.functions[AUDIO].driver = pci.drivers["snd_hda_intel"]


class MdevHouse(House):
    """A card whose host driver offers two types over one budget."""

    def build(self) -> None:
        pci = self.machine.pci
        pci.driver("vfio-pci")
        pci.driver("nvidia", "10de:2235")
        card = pci.add(Function(GPU, "10de:2235", "0x030200", group=15))
        types = {
            "nvidia-558": Type("A40-4Q", 4, "num_heads=4, framebuffer=4096M, max_instance=12"),
            "nvidia-559": Type("A40-8Q", 8),
        }
        place = f"../../bus/pci/devices/{GPU}"
        card.parent = MdevParent(self.machine.mdev, GPU, types, 8, place)
        card.parent.shown = lambda: GPU in pci.functions and card.driver is not None

    def wanted(self, number: int = 1, **changes: Any) -> Wanted:
        return super().wanted(number, **{"type": "A40-4Q", **changes})

    def mode(self) -> Mdev:
        return Mdev(self.kernel(), self.journal(), str(self.machine.proc))

    def meddle(self, made: Made) -> None:
        self.machine.mdev.parents[GPU].remove(made.id)


class VirtualParentHouse(MdevHouse):
    """A parent that is no PCI function and describes nothing, as the kernel's mtty."""

    device = "mtty"

    def build(self) -> None:
        types = {"mtty-2": Type("Dual port serial", 2)}
        self.shown = True
        MdevParent(self.machine.mdev, "mtty", types, 4).shown = lambda: self.shown

    def wanted(self, number: int = 1, **changes: Any) -> Wanted:
        return House.wanted(self, number, **changes)  # there is one type: none need be said

    def unplug(self, made: Made) -> None:
        self.shown = False

    def meddle(self, made: Made) -> None:
        self.machine.mdev.parents["mtty"].remove(made.id)


class SriovHouse(House):
    """A card with four virtual functions to be had, which go to vfio-pci."""

    rooms = 4

    def build(self) -> None:
        pci = self.machine.pci
        pci.driver("vfio-pci")
        pci.driver("xe", "8086:56c0")
        card = Function(GPU, "8086:56c0", "0x038000", group=15)
        card.sriov = CanSriov(4, "56c0")
        pci.add(card)

    def mode(self) -> Sriov:
        return Sriov(self.kernel(), self.journal(), str(self.machine.proc))

    def meddle(self, made: Made) -> None:
        card = self.machine.pci.functions[GPU]
        self.machine.pci.set_count(card, "0")
        self.machine.pci.set_count(card, "1")
        # Where ours was is another one now, or none.
        self.machine.pci.functions.pop(made.id, None)


class NvidiaSriovHouse(SriovHouse):
    """Virtual functions that get a vGPU type each, over one framebuffer."""

    rooms = 2

    def build(self) -> None:
        pci = self.machine.pci
        pci.driver("nvidia", "10de:2335", "10de:2336")
        card = Function(GPU, "10de:2335", "0x030200", group=15)
        types = {"1103": ("NVIDIA L40-12Q", 12), "1105": ("NVIDIA L40-24Q", 24)}
        card.sriov = CanSriov(4, "2336", types=types, budget=48)
        pci.add(card)

    def wanted(self, number: int = 1, **changes: Any) -> Wanted:
        return super().wanted(number, **{"type": "NVIDIA L40-24Q", **changes})

    def meddle(self, made: Made) -> None:
        self.machine.pci.functions[made.id].vgpu_type = "1103"


class MigHouse(House):
    """An A100 with MIG switched on."""

    name = "NVIDIA A100-SXM4-80GB"

    def build(self) -> None:
        self.library = MigNvml(self.name, self.folder / "gpu.json")

    def mode(self) -> Mig:
        return Mig(self.kernel(), self.journal(), str(self.machine.proc), lambda: self.library)

    def wanted(self, number: int = 1, **changes: Any) -> Wanted:
        return super().wanted(number, **{"type": "3g.40gb", **changes})

    def state(self) -> object:
        return self.library.load()

    def _set(self, **changes: Any) -> None:
        self.library.save({**self.library.load(), **changes})

    def use(self, made: Made, attachment: Attachment) -> int:
        (self.machine.proc / str(QEMU)).mkdir()
        (self.machine.proc / str(QEMU) / "comm").write_text("python3\n")
        self._set(processes={made.id: [QEMU]})
        return QEMU

    def end_use(self, made: Made) -> None:
        self._set(processes={})

    def unplug(self, made: Made) -> None:
        self._set(gone=True)

    def meddle(self, made: Made) -> None:
        self._set(instances={})

    def deny(self, denied: bool) -> None:
        self._set(denied=denied)

    def kill_at(self, change: int, *, done: bool) -> None:
        self.library.kill_at(change, done=done)

    def kill_nobody(self) -> None:
        self.library._die_at = None

    def changes(self) -> int:
        return len(self.library.calls)


HOUSES: dict[str, type[House]] = {
    "passthrough": PassthroughHouse,
    "mdev": MdevHouse,
    "mdev-virtual": VirtualParentHouse,
    "sriov": SriovHouse,
    "sriov-nvidia": NvidiaSriovHouse,
    "mig": MigHouse,
}
