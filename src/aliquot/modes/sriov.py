"""Mode `sriov`: the card shows virtual functions, of which each is one vGPU.

Formats: Linux's Documentation/ABI/testing/sysfs-bus-pci (sriov_numvfs: from 0 only, and back to 0);
NVIDIA's newer host drivers give a virtual function its size by nvidia/current_vgpu_type, and are
VFIO drivers themselves; other virtual functions go to vfio-pci when they are attached.
"""

from __future__ import annotations

import errno

import msgspec

from aliquot.devices import pci_partitions
from aliquot.devices.pci import driver_of
from aliquot.devices.sysfs import PCI_DEVICES
from aliquot.devices.users import User, users, users_of_files, vfio_files
from aliquot.errors import KernelRefused, NoRoomForPartition, NoSuchPartitionType
from aliquot.model.hardware import Attachment, Plan, Wanted
from aliquot.model.line import Line
from aliquot.model.modes import Mode, PartitionType
from aliquot.model.why import Why, because
from aliquot.modes import binding
from aliquot.modes.choose_type import choose_type
from aliquot.modes.hardware_mode import HardwareMode, refuse_users
from aliquot.modes.journal import Entry, Stage
from aliquot.modes.kernel import number_of
from aliquot.words.refusals import refusal

_CURRENT = "nvidia/current_vgpu_type"
_NO_TYPE = "0"


class Sriov(HardwareMode):
    """Virtual functions."""

    mode = Mode.SRIOV

    def _entry(self, wanted: Wanted) -> tuple[Entry, Plan]:
        subject = self._able(wanted.device)
        assert subject.pci is not None
        existing = pci_partitions.virtual_functions(self.kernel, wanted.device)
        most = subject.pci.most_virtual_functions or 0
        chosen: PartitionType | None = None
        if existing:
            function, chosen = self._free(wanted, existing)
            count, left = len(existing), len(existing) - 1 - len(self._taken(existing))
        else:
            # Which type, and whether there is one, only the virtual functions tell.
            function, count, left = "", most, most - 1
        entry = Entry(
            vgpu=wanted.vgpu,
            mode=self.mode,
            stage=Stage.MADE,
            device=wanted.device,
            id=function,
            whole=(function,) if function else (),
            shared=(wanted.device,),
            type=chosen.id if chosen else wanted.type,
            memory=chosen.memory if chosen else wanted.memory,
            virtual_functions=count,
            had=wanted.function,
            resets_count=not existing
            or any(
                other.resets_count for other in self._entries() if other.device == wanted.device
            ),
        )
        steps: list[Line] = []
        if not existing:
            steps.append(because(Why.STEP_ENABLE, count=count, address=wanted.device))
        if entry.type is not None:
            steps.append(because(Why.STEP_TYPE, address=function or "-", type=entry.type))
        else:
            steps.append(because(Why.STEP_SET_ASIDE, address=function or "-"))
        return entry, Plan(
            mode=self.mode,
            target=function or wanted.device,
            type=entry.type,
            memory=entry.memory,
            steps=tuple(steps),
            leaves={chosen.id if chosen else self.mode.value: left},
        )

    def _make(self, entry: Entry) -> Entry:
        if not entry.id:
            entry = self._enabled(entry)
        if self._has_types(entry.id):
            self.kernel.write(str(entry.type), PCI_DEVICES, entry.id, _CURRENT)
        return entry

    def _enabled(self, entry: Entry) -> Entry:
        """Make the virtual functions and take one of them."""
        self._count(entry.device, entry.virtual_functions or 0)
        existing = pci_partitions.virtual_functions(self.kernel, entry.device)
        wanted = Wanted(
            vgpu=entry.vgpu,
            device=entry.device,
            type=entry.type,
            memory=entry.memory,
            function=entry.had,
        )
        function, chosen = self._free(wanted, existing)
        entry = msgspec.structs.replace(entry, id=function, whole=(function,))
        if chosen is not None:
            entry = msgspec.structs.replace(entry, type=chosen.id, memory=chosen.memory)
        return self.journal.put(msgspec.structs.replace(entry, stage=Stage.MAKING))

    def _count(self, address: str, count: int) -> None:
        try:
            self.kernel.write(str(count), PCI_DEVICES, address, "sriov_numvfs")
        except KernelRefused as error:
            if number_of(error) == errno.EBUSY:
                raise refusal(KernelRefused, Why.VF_COUNT_BUSY, address=address) from error
            if number_of(error) in (errno.ENOSYS, errno.ENOENT, errno.EOPNOTSUPP):
                raise refusal(KernelRefused, Why.VF_COUNT_BY_DRIVER, address=address) from error
            raise

    def _unmake(self, entry: Entry) -> None:
        self._take_back(entry)
        if entry.id and self._ours(entry) and self._has_types(entry.id):
            current = self.kernel.text(PCI_DEVICES, entry.id, _CURRENT)
            if current not in (None, _NO_TYPE):
                self.kernel.write(_NO_TYPE, PCI_DEVICES, entry.id, _CURRENT)
        others = [one for one in self._entries() if one.vgpu != entry.vgpu]
        last = all(other.device != entry.device for other in others)
        now = self.kernel.natural(PCI_DEVICES, entry.device, "sriov_numvfs")
        if entry.resets_count and last and now and now == entry.virtual_functions:
            existing = pci_partitions.virtual_functions(self.kernel, entry.device)
            used = any(users(self.kernel, function, self.proc) for function in existing)
            cut = any(
                one.mode is Mode.MDEV for one in pci_partitions.existing(self.kernel, entry.device)
            )
            if not used and not cut and not self._taken(existing) - {entry.id}:
                self._count(entry.device, 0)

    def _before_handing_over(self, entry: Entry) -> Entry:
        if self._has_types(entry.id):
            return entry
        binding.require_vfio(self.kernel)
        refuse_users(entry.id, users(self.kernel, entry.id, self.proc))
        before = (binding.before(self.kernel, entry.id),)
        return msgspec.structs.replace(entry, before=before)

    def _hand_over(self, entry: Entry) -> None:
        for function in entry.before:
            binding.hand_over(self.kernel, function.address, forced=False)

    def _take_back(self, entry: Entry) -> None:
        for function in entry.before:
            binding.give_back(self.kernel, function)

    def _put_back(self, entry: Entry) -> None:
        """Its type, which Proxmox VE takes away when the VM stops."""
        if not (entry.id and self._ours(entry) and self._has_types(entry.id)):
            return
        if self.kernel.text(PCI_DEVICES, entry.id, _CURRENT) == _NO_TYPE:
            self.kernel.write(str(entry.type), PCI_DEVICES, entry.id, _CURRENT)

    def _attachment(self, entry: Entry) -> Attachment:
        files = vfio_files(self.kernel, PCI_DEVICES, entry.id)
        return Attachment(
            mode=self.mode,
            vgpu=entry.vgpu,
            functions=(entry.id,),
            files=("/dev/vfio/vfio", *files),
        )

    def _users(self, entry: Entry) -> tuple[User, ...]:
        return self._used(entry.id) if entry.id and self._ours(entry) else ()

    def _used(self, function: str) -> tuple[User, ...]:
        if driver_of(self.kernel, function) != binding.VFIO and not self._has_types(function):
            return ()
        return users_of_files(vfio_files(self.kernel, PCI_DEVICES, function), self.proc)

    def _gone(self, entry: Entry) -> tuple[Line, ...]:
        for address in (entry.device, entry.id):
            if not self.kernel.has_function(address):
                now = self.kernel.natural(PCI_DEVICES, entry.device, "sriov_numvfs")
                if address == entry.id and now is not None and now != entry.virtual_functions:
                    return (self._count_line(entry, now),)
                return (because(Why.NOT_ON_BUS, address=address),)
        return ()

    def _changed(self, entry: Entry) -> tuple[Line, ...]:
        now = self.kernel.natural(PCI_DEVICES, entry.device, "sriov_numvfs") or 0
        if now != entry.virtual_functions:
            return (self._count_line(entry, now),)
        if self._has_types(entry.id):
            current = self.kernel.text(PCI_DEVICES, entry.id, _CURRENT)
            if current != entry.type:
                return (because(Why.VF_TYPE_IS, address=entry.id, type=current or "-"),)
        elif entry.stage is Stage.ATTACHED:
            driver = driver_of(self.kernel, entry.id)
            if driver != binding.VFIO:
                return (because(Why.DRIVER_IS, address=entry.id, driver=driver or "-"),)
        return ()

    def _count_line(self, entry: Entry, now: int) -> Line:
        was = entry.virtual_functions or 0
        return because(Why.VF_COUNT_CHANGED, address=entry.device, was=was, now=now)

    def _ours(self, entry: Entry) -> bool:
        """Whether a function is still the virtual function that was taken."""
        return self.kernel.link(PCI_DEVICES, entry.id, "physfn") == entry.device

    def _has_types(self, function: str) -> bool:
        return self.kernel.exists(PCI_DEVICES, function, _CURRENT)

    def _taken(self, functions: list[str]) -> set[str]:
        """Virtual functions that some vGPU has, or somebody else has given a type or uses."""
        of_vgpus = {
            address for entry in self.journal.entries() for address in (*entry.whole, *entry.shared)
        }
        return {
            function
            for function in functions
            if function in of_vgpus
            or self.kernel.text(PCI_DEVICES, function, _CURRENT) not in (None, _NO_TYPE)
            or driver_of(self.kernel, function) == binding.VFIO
        }

    def _free(self, wanted: Wanted, functions: list[str]) -> tuple[str, PartitionType | None]:
        """A virtual function that nobody has, and the type it is to get; raises where none is."""
        taken = self._taken(functions)
        free = [function for function in functions if function not in taken]
        free.sort(key=lambda one: one != wanted.function)  # the one that it had comes first
        if not free:
            raise refusal(
                NoRoomForPartition, Why.VF_NONE_FREE, address=wanted.device, count=len(functions)
            )
        if not self._has_types(free[0]):
            if wanted.type is not None:
                raise refusal(
                    NoSuchPartitionType,
                    Why.NO_TYPE,
                    device=wanted.device,
                    type=wanted.type,
                    names="-",
                )
            # A driver of the host's may work on it for somebody: it isn't taken from under them.
            unused = next((one for one in free if not users(self.kernel, one, self.proc)), None)
            if unused is None:
                refuse_users(free[0], users(self.kernel, free[0], self.proc))
            return unused or free[0], None
        listed = [(one, pci_partitions.vgpu_types(self.kernel, one)) for one in free]
        for function, types in listed:
            if any(wanted.type in (None, one.id, one.name) for one in types):
                return function, choose_type(types, wanted)
        # A virtual function lists what could be made on it now: a type that was made before and is
        # no longer there doesn't fit any more; one that none ever listed isn't told from it.
        if any(
            self.kernel.text(PCI_DEVICES, one, _CURRENT) not in (None, _NO_TYPE) for one in taken
        ):
            raise refusal(
                NoRoomForPartition, Why.TYPE_FULL, device=wanted.device, type=wanted.type or "-"
            )
        return free[0], choose_type(listed[0][1], wanted)
