"""All modes at once: what a daemon asks at its start, and finds a mode by."""

from __future__ import annotations

from aliquot.devices.sysfs import ROOT
from aliquot.devices.users import PROC
from aliquot.model.line import Line
from aliquot.model.modes import Mode
from aliquot.modes.interface import VgpuMode
from aliquot.modes.journal import Journal
from aliquot.modes.kernel import Kernel
from aliquot.modes.mdev import Mdev
from aliquot.modes.mig.mode import Mig
from aliquot.modes.passthrough import Passthrough
from aliquot.modes.remoting import Remoting
from aliquot.modes.sriov import Sriov


def every_mode(
    kernel: Kernel | None = None, journal: Journal | None = None, proc: str = PROC
) -> dict[Mode, VgpuMode]:
    """The modes by name, all with one kernel and one journal: so they see each other's vGPUs."""
    kernel = kernel or Kernel(ROOT)
    journal = journal or Journal()
    return {
        Mode.REMOTING: Remoting(proc=proc),
        Mode.PASSTHROUGH: Passthrough(kernel, journal, proc),
        Mode.MDEV: Mdev(kernel, journal, proc),
        Mode.SRIOV: Sriov(kernel, journal, proc),
        Mode.MIG: Mig(kernel, journal, proc),
    }


def recover(modes: dict[Mode, VgpuMode]) -> list[Line]:
    """Undo what a death interrupted, in whatever mode."""
    return [line for mode in modes.values() for line in mode.recover()]
