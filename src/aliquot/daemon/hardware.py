"""The vGPUs that hardware cuts or hands over: all that the daemon asks of their modes.

Changes of hardware wait for drivers, and may wait long: no call here is for who holds the store's
lock, or for an event loop. Each takes the vGPU's id as the state has it, or as a UUID is written.
"""

from __future__ import annotations

import uuid

import msgspec

from aliquot.errors import HardwareChanged, HardwareError, HardwareGone, ModeUnavailable, NotMade
from aliquot.model.hardware import Attachment, Made, Plan, Wanted
from aliquot.model.line import Line
from aliquot.model.modes import Mode
from aliquot.model.vgpu import MODE_REMOTING
from aliquot.model.vgpu_record import VgpuRecord, VgpuSpec
from aliquot.model.why import Why
from aliquot.modes.every import every_mode, recover
from aliquot.modes.interface import VgpuMode
from aliquot.modes.journal import Journal
from aliquot.words.refusals import refusal, saying

# What modes say of hardware that is no longer there; all else is there, and otherwise.
_GONE = frozenset(
    f"why-{why.value}" for why in (Why.NOT_ON_BUS, Why.MDEV_GONE, Why.MIG_GONE, Why.NVML_REFUSES)
)
_COUNT_CHANGED = f"why-{Why.VF_COUNT_CHANGED.value}"


class Hardware:
    """The modes that change hardware, over one journal. Safe to use from any thread."""

    def __init__(
        self, modes: dict[Mode, VgpuMode] | None = None, journal: Journal | None = None
    ) -> None:
        """Those of this machine, unless tests bring others; both have one journal."""
        self._journal = journal or Journal()
        every = modes if modes is not None else every_mode(journal=self._journal)
        # Device hosts are asked by aliquot.daemon.hosts, which knows of their vGPUs and leases.
        self._modes = {mode: one for mode, one in every.items() if mode is not Mode.REMOTING}

    def plan(self, vgpu: str, spec: VgpuSpec, address: str) -> Plan:
        """What `create` would do now with the device at a PCI address; nothing is changed."""
        return self._of(spec.mode).plan(_wanted(vgpu, spec, address))

    def create(self, kept: VgpuRecord, address: str) -> Made:
        """Make it of the device at a PCI address, or find that it is made."""
        wanted = _wanted(kept.id, kept.spec, address)
        if kept.spec.mode == Mode.SRIOV and kept.status.hardware:
            wanted = msgspec.structs.replace(wanted, function=kept.status.hardware)
        return self._of(kept.spec.mode).create(wanted)

    def attachment(self, vgpu: str) -> Attachment:
        """Ready it for its consumer, and tell how that uses it. Again: the same.

        Raises NotMade, DeviceInUse, HardwareGone, HardwareChanged among other HardwareErrors; then
        nothing has changed.
        """
        return self._that_made(vgpu).attach(uuid_of(vgpu))

    def release(self, vgpu: str) -> None:
        """Take it back from a consumer that has ended; raises DeviceInUse where it hasn't."""
        self._that_made(vgpu).detach(uuid_of(vgpu))

    def restore(self, vgpu: str) -> None:
        """Put back what a hypervisor has taken away of it; raises DeviceInUse where it is used."""
        self._that_made(vgpu).restore(uuid_of(vgpu))

    def delete(self, vgpu: str) -> None:
        """Give the hardware back as it was; nothing where none was made. Raises DeviceInUse."""
        try:
            self._that_made(vgpu).delete(uuid_of(vgpu))
        except NotMade:
            return

    def adopt(self) -> dict[str, Made]:
        """All that was made and not deleted, by the vGPU's id in the state."""
        found = [made for mode in self._modes.values() for made in mode.adopt()]
        return {uuid.UUID(made.vgpu).hex: made for made in found}

    def recover(self) -> list[Line]:
        """Undo what a death interrupted; tells what was undone, and what couldn't be."""
        return recover(self._modes)

    def unreadable(self) -> list[str]:
        """Files of the journal that nobody can read: what they were about is not known."""
        return self._journal.unreadable()

    def verify(self, vgpu: str) -> HardwareError | None:
        """What isn't as it was left: HardwareGone, HardwareChanged or NotMade; None: all is well.

        Raises other HardwareErrors where that can't be told now.
        """
        try:
            lines = self._that_made(vgpu).verify(uuid_of(vgpu))
        except (NotMade, HardwareGone) as error:
            return error
        if not lines:
            return None
        return saying(HardwareGone if any(map(_is_gone, lines)) else HardwareChanged, *lines)

    def _of(self, mode: str) -> VgpuMode:
        found = self._modes.get(Mode(mode))
        if found is None:
            raise refusal(ModeUnavailable, Why.NO_MODE, mode=mode)
        return found

    def _that_made(self, vgpu: str) -> VgpuMode:
        entry = self._journal.find(uuid_of(vgpu))
        if entry is None:
            raise refusal(NotMade, Why.NOTHING_MADE, vgpu=uuid_of(vgpu), mode="-")
        return self._of(entry.mode.value)


def _is_gone(line: Line) -> bool:
    """Whether it is gone, and with it whatever somebody else may have made of it.

    So are virtual functions where there are none: they go with the card and its driver.
    """
    return line.key in _GONE or (line.key == _COUNT_CHANGED and line.values.get("now") == 0)


def is_hardware(spec: VgpuSpec) -> bool:
    """Whether a vGPU is made of hardware, and not by a device host."""
    return spec.mode != MODE_REMOTING


def uuid_of(vgpu: str) -> str:
    """A vGPU's id as a UUID is written: so the kernel and NVML name what is made for it."""
    return str(uuid.UUID(vgpu))


def _wanted(vgpu: str, spec: VgpuSpec, address: str) -> Wanted:
    return Wanted(
        vgpu=uuid_of(vgpu),
        device=address,
        type=spec.type,
        memory=spec.memory or None if spec.type is None else None,
        rom=spec.rom,
        force=spec.force,
    )
