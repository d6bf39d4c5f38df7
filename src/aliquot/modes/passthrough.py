"""Mode `passthrough`: the IOMMU hands a card over whole, with all functions of its group.

Creating sets the card aside; attaching binds its functions to vfio-pci; detaching gives them back
to the drivers that they had.
"""

from __future__ import annotations

import os
import stat

import msgspec

from aliquot.devices.abilities import Subject
from aliquot.devices.pci import driver_of, read_function
from aliquot.devices.sysfs import PCI_DEVICES
from aliquot.devices.users import Use, User, users, users_of_files, vfio_files
from aliquot.errors import BadRomFile, BootDisplayKept, DeviceInUse, HardwareError
from aliquot.model.hardware import Attachment, Plan, Wanted
from aliquot.model.line import Line
from aliquot.model.modes import Mode
from aliquot.model.pci import PciFunction
from aliquot.model.why import Why, because
from aliquot.modes import binding
from aliquot.modes.hardware_mode import HardwareMode, refuse_users
from aliquot.modes.journal import Entry, Stage
from aliquot.words.refusals import refusal

_ROM_SIGNATURE = b"\x55\xaa"  # PCI Firmware Specification, expansion ROM header


class Passthrough(HardwareMode):
    """Whole cards."""

    mode = Mode.PASSTHROUGH

    def _entry(self, wanted: Wanted) -> tuple[Entry, Plan]:
        subject = self._able(wanted.device)
        function = subject.pci
        assert function is not None
        if function.boot_display and function.driver != binding.VFIO and not wanted.force:
            raise refusal(BootDisplayKept, Why.BOOT_DISPLAY)
        _refuse_partitions(subject, wanted.device)
        binding.require_vfio(self.kernel)
        if wanted.rom is not None:
            _check_rom(wanted.rom)
        functions = self._functions(function)
        self._refuse_users_of(functions)
        entry = Entry(
            vgpu=wanted.vgpu,
            mode=self.mode,
            stage=Stage.MADE,
            device=wanted.device,
            id=wanted.device,
            whole=functions,
            rom=wanted.rom,
            forced=wanted.force,
        )
        return entry, self._plan(entry, function)

    def _plan(self, entry: Entry, function: PciFunction) -> Plan:
        steps = [because(Why.STEP_SET_ASIDE, address=entry.device)]
        for address in entry.whole:
            driver = driver_of(self.kernel, address) or "-"
            steps.append(because(Why.STEP_TO_VFIO, address=address, driver=driver))
        notes: list[Line] = []
        if function.boot_display:
            notes.append(because(Why.BOOT_DISPLAY))
        if function.reset_methods == ():
            notes.append(because(Why.NO_RESET))
        return Plan(
            mode=self.mode, target=entry.device, steps=tuple(steps), notes=tuple(notes), leaves={}
        )

    def _make(self, entry: Entry) -> Entry:
        return entry  # nothing is changed before it is attached: till then the host uses it

    def _unmake(self, entry: Entry) -> None:
        self._take_back(entry)

    def _before_handing_over(self, entry: Entry) -> Entry:
        """Look at all again: it may have been set aside long ago, and others use it till now."""
        subject = self._able(entry.device)
        assert subject.pci is not None
        _refuse_partitions(subject, entry.device)
        entry = msgspec.structs.replace(entry, whole=self._functions(subject.pci))
        self._refuse_taken(entry)
        binding.require_vfio(self.kernel)
        self._refuse_users_of(entry.whole)
        before = tuple(binding.before(self.kernel, address) for address in entry.whole)
        return msgspec.structs.replace(entry, before=before)

    def _hand_over(self, entry: Entry) -> None:
        for address in entry.whole:
            binding.hand_over(self.kernel, address, forced=entry.forced)

    def _take_back(self, entry: Entry) -> None:
        failed: HardwareError | None = None
        for function in reversed(entry.before):  # one that can't be given back keeps no other
            try:
                binding.give_back(self.kernel, function)
            except HardwareError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def _attachment(self, entry: Entry) -> Attachment:
        files: dict[str, Use] = {}
        for address in entry.whole:
            files |= vfio_files(self.kernel, PCI_DEVICES, address)
        return Attachment(
            mode=self.mode,
            vgpu=entry.vgpu,
            functions=entry.whole,
            files=("/dev/vfio/vfio", *files),
            rom=entry.rom,
        )

    def _users(self, entry: Entry) -> tuple[User, ...]:
        """Virtual machines: what the host's driver does before it is attached is the host's."""
        files: dict[str, Use] = {}
        for address in entry.whole:
            if driver_of(self.kernel, address) == binding.VFIO:
                files |= vfio_files(self.kernel, PCI_DEVICES, address)
        return users_of_files(files, self.proc)

    def _gone(self, entry: Entry) -> tuple[Line, ...]:
        return tuple(
            because(Why.NOT_ON_BUS, address=address)
            for address in entry.whole
            if not self.kernel.has_function(address)
        )

    def _changed(self, entry: Entry) -> tuple[Line, ...]:
        if entry.stage is not Stage.ATTACHED:
            return ()
        return tuple(
            because(Why.DRIVER_IS, address=address, driver=driver or "-")
            for address, driver in ((one, driver_of(self.kernel, one)) for one in entry.whole)
            if driver != binding.VFIO
        )

    def _functions(self, function: PciFunction) -> tuple[str, ...]:
        """The display, then what goes along.

        That is all of its group but bridges, which stay with the host; and of the same card what
        the IOMMU tells apart from it, as long as that isn't bound up with something else.
        """
        members = function.iommu_group.members if function.iommu_group else ()
        found = {function.address: None}
        found |= dict.fromkeys(one.pci_address for one in members if one.what != "bridge")
        slot = function.address.rpartition(".")[0]
        for address in self.kernel.names(PCI_DEVICES):
            if address.rpartition(".")[0] != slot or address in found:
                continue
            group = read_function(self.kernel, address).iommu_group
            virtual = self.kernel.link(PCI_DEVICES, address, "physfn") is not None
            if group is None or virtual:
                continue
            others = [one.pci_address for one in group.members if one.what != "bridge"]
            if all(other.rpartition(".")[0] == slot for other in others):
                found[address] = None
        return tuple(found)

    def _refuse_users_of(self, functions: tuple[str, ...]) -> None:
        """Raise DeviceInUse; a sound server lets go of a card that is taken from it."""
        for address in functions:
            found = users(self.kernel, address, self.proc)
            refuse_users(address, tuple(user for user in found if user.use is not Use.SOUND))


def _refuse_partitions(subject: Subject, address: str) -> None:
    """Raise DeviceInUse where the card is cut: what was cut of it would end."""
    if count := len(subject.partitions):
        raise refusal(DeviceInUse, Why.HAS_PARTITIONS, address=address, count=count)


def _check_rom(path: str) -> None:
    try:
        # Whoever names a pipe or a device is refused, and keeps nobody waiting for it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            head = file.read(len(_ROM_SIGNATURE)) if is_file else b""
    except OSError as error:
        raise refusal(BadRomFile, Why.UNREADABLE, path=path, error=error.strerror or "") from error
    if head != _ROM_SIGNATURE:
        raise refusal(BadRomFile, Why.NO_ROM, path=path)
