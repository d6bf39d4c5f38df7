"""Mode `mdev`: the vendor's host driver cuts the device into mediated devices.

Format: Linux's Documentation/driver-api/vfio-mediated-device.rst. A parent need not be a PCI
function: it is named as /sys/class/mdev_bus names it, which for a PCI function is its address.
Drivers with SR-IOV below (NVIDIA since Ampere) offer the types on their virtual functions.
"""

from __future__ import annotations

import errno
import itertools

from aliquot.devices import pci_partitions
from aliquot.devices.pci import normal_address
from aliquot.devices.users import User, users_of_files, vfio_files
from aliquot.devices.verdicts import can
from aliquot.errors import (
    HardwareGone,
    KernelRefused,
    ModuleMissing,
    NoRoomForPartition,
    PartitionExists,
)
from aliquot.model.hardware import Attachment, Plan, Wanted
from aliquot.model.line import Line
from aliquot.model.modes import Mode, ModeAbility, PartitionType
from aliquot.model.why import Why, because
from aliquot.modes.choose_type import choose_type
from aliquot.modes.hardware_mode import HardwareMode
from aliquot.modes.journal import Entry, Stage
from aliquot.modes.kernel import number_of
from aliquot.words.refusals import refusal

_PARENTS = "class/mdev_bus"
_TYPES = "mdev_supported_types"
_DEVICES = "bus/mdev/devices"
_FULL = (errno.ENOSPC, errno.EBUSY, errno.EUSERS)


class Mdev(HardwareMode):
    """Mediated devices; the vGPU's UUID is the mdev's."""

    mode = Mode.MDEV

    def _entry(self, wanted: Wanted) -> tuple[Entry, Plan]:
        if normal_address(wanted.device) is not None:
            self._able(wanted.device)
        chosen = choose_type(self._types(wanted.device), wanted)
        if self.kernel.exists(_DEVICES, wanted.vgpu):
            raise refusal(PartitionExists, Why.MDEV_EXISTS, uuid=wanted.vgpu)
        parent = next(
            (
                one
                for one in self._parents(wanted.device)
                if self.kernel.natural(_PARENTS, one, _TYPES, chosen.id, "available_instances")
            ),
            None,
        )
        if parent is None:  # the last one was taken just now, or the driver doesn't tell
            raise refusal(NoRoomForPartition, Why.TYPE_FULL, device=wanted.device, type=chosen.name)
        entry = Entry(
            vgpu=wanted.vgpu,
            mode=self.mode,
            stage=Stage.MADE,
            device=wanted.device,
            id=wanted.vgpu,
            shared=tuple({wanted.device, parent}),
            type=chosen.id,
            memory=chosen.memory,
            parent=parent,
        )
        step = because(Why.STEP_MDEV, type=chosen.name, parent=parent)
        return entry, Plan(
            mode=self.mode,
            target=parent,
            type=chosen.id,
            memory=chosen.memory,
            steps=(step,),
            leaves=_left(self._types(wanted.device), chosen),
        )

    def _make(self, entry: Entry) -> Entry:
        try:
            # With the line's end: without it the kernel takes one more character for that, and
            # makes an mdev of another UUID than it was told.
            self.kernel.write(
                f"{entry.id}\n", _PARENTS, str(entry.parent), _TYPES, str(entry.type), "create"
            )
        except KernelRefused as error:
            if number_of(error) == errno.EEXIST:
                raise refusal(PartitionExists, Why.MDEV_EXISTS, uuid=entry.id) from error
            if number_of(error) in _FULL:
                raise refusal(
                    NoRoomForPartition, Why.TYPE_FULL, device=entry.device, type=str(entry.type)
                ) from error
            raise
        return entry

    def _unmake(self, entry: Entry) -> None:
        if not self.kernel.exists(_DEVICES, entry.id):
            return
        try:
            self.kernel.write("1", _DEVICES, entry.id, "remove")
        except HardwareGone:
            return  # its parent went while we were at it

    def _before_handing_over(self, entry: Entry) -> Entry:
        if self.kernel.link(_DEVICES, entry.id, "driver") is None:
            raise refusal(ModuleMissing, Why.NO_MODULE, module="vfio_mdev")
        return entry

    def _attachment(self, entry: Entry) -> Attachment:
        return Attachment(
            mode=self.mode,
            vgpu=entry.vgpu,
            path=self.kernel.path(_DEVICES, entry.id),
            files=("/dev/vfio/vfio", *vfio_files(self.kernel, _DEVICES, entry.id)),
        )

    def _users(self, entry: Entry) -> tuple[User, ...]:
        return users_of_files(vfio_files(self.kernel, _DEVICES, entry.id), self.proc)

    def _gone(self, entry: Entry) -> tuple[Line, ...]:
        if self.kernel.exists(_DEVICES, entry.id):
            return ()
        return (because(Why.MDEV_GONE, uuid=entry.id),)

    def _changed(self, entry: Entry) -> tuple[Line, ...]:
        kind = self.kernel.link(_DEVICES, entry.id, "mdev_type")
        if kind == entry.type:
            return ()
        return (because(Why.MDEV_TYPE_IS, uuid=entry.id, type=kind or "-"),)

    def _ability(self, device: str) -> ModeAbility:
        if normal_address(device) is None and self._types(device):
            return can(self.mode)
        return super()._ability(device)

    def _types(self, device: str) -> tuple[PartitionType, ...]:
        parents = self._parents(device)
        found = (pci_partitions.mdev_types(self.kernel, _PARENTS, one) for one in parents)
        return pci_partitions.added_up(itertools.chain.from_iterable(found))

    def _parents(self, device: str) -> list[str]:
        """The device itself and its virtual functions, as far as they offer types."""
        virtual = pci_partitions.virtual_functions(self.kernel, device)
        return [one for one in (device, *virtual) if self.kernel.exists(_PARENTS, one, _TYPES)]


def _left(types: tuple[PartitionType, ...], chosen: PartitionType) -> dict[str, int]:
    """How many more of the type there would be; what of the others the driver alone knows."""
    if chosen.available is None:
        return {}
    return {one.id: chosen.available - 1 for one in types if one.id == chosen.id}
