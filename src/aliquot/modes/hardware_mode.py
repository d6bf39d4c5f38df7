"""What all modes that change hardware have in common: intents, refusals, recovery.

A mode below this class says only how its hardware is looked at, made, handed over, and put back as
it was. Its `_unmake` and `_take_back` may be called on anything that its `_make` or `_hand_over`
left when it was killed, and on hardware that is gone: then they do what is left to be done.
"""

from __future__ import annotations

import abc
from collections.abc import Callable

import msgspec

from aliquot.devices import pci_partitions
from aliquot.devices.abilities import Subject, ability
from aliquot.devices.pci import read_function
from aliquot.devices.users import PROC, User
from aliquot.errors import (
    DeviceInUse,
    FunctionTaken,
    HardwareChanged,
    HardwareError,
    HardwareGone,
    ModeUnavailable,
    NotResizable,
    PartitionExists,
)
from aliquot.model.hardware import Attachment, Capabilities, Made, Plan, Wanted
from aliquot.model.line import Line
from aliquot.model.modes import Mode, ModeAbility, PartitionType
from aliquot.model.why import Why, because
from aliquot.modes.journal import Entry, Journal, Stage
from aliquot.modes.kernel import Kernel
from aliquot.words.refusals import refusal, saying

_SETTLED = (Stage.MADE, Stage.ATTACHED)


class NothingMade(Exception):
    """The first step of `_make` was refused: what lies where it would have been is another's."""

    def __init__(self, why: HardwareError) -> None:
        """With the refusal."""
        super().__init__(why.what)
        self.why = why


class HardwareMode(abc.ABC):
    """A mode that makes vGPUs of hardware; see aliquot.modes.interface.VgpuMode."""

    mode: Mode

    def __init__(self, kernel: Kernel, journal: Journal, proc: str = PROC) -> None:
        """Change this kernel's hardware; look for those who use it in `proc`."""
        self.kernel = kernel
        self.journal = journal
        self.proc = proc

    # What the modes say of themselves.

    @abc.abstractmethod
    def _entry(self, wanted: Wanted) -> tuple[Entry, Plan]:
        """What would be made, looked up afresh; raises where it can't be."""

    @abc.abstractmethod
    def _make(self, entry: Entry) -> Entry:
        """Make it; returns the entry with what is known only now."""

    @abc.abstractmethod
    def _unmake(self, entry: Entry) -> None:
        """Put the hardware back as it was before `_make`."""

    @abc.abstractmethod
    def _attachment(self, entry: Entry) -> Attachment:
        """How a consumer uses it."""

    @abc.abstractmethod
    def _users(self, entry: Entry) -> tuple[User, ...]:
        """Who uses it now, besides what a host's own driver does."""

    @abc.abstractmethod
    def _gone(self, entry: Entry) -> tuple[Line, ...]:
        """What of it is no longer there."""

    @abc.abstractmethod
    def _changed(self, entry: Entry) -> tuple[Line, ...]:
        """What of it is there, and otherwise than it was left."""

    def _hand_over(self, entry: Entry) -> None:  # noqa: B027 - most have nothing to do
        """Ready it for the consumer."""

    def _take_back(self, entry: Entry) -> None:  # noqa: B027
        """Undo `_hand_over`."""

    def _put_back(self, entry: Entry) -> None:  # noqa: B027
        """Make again what of it a hypervisor takes away; what is another's by now is left."""

    def _before_handing_over(self, entry: Entry) -> Entry:
        """The entry with what must be known to take it back; raises where it can't be done."""
        return entry

    # What can be asked.

    def capabilities(self, device: str) -> Capabilities:
        """What can be done with a device now."""
        types = self._types(device)
        return Capabilities(ability=self._ability(device), types=types)

    def plan(self, wanted: Wanted) -> Plan:
        """What `create` would do now."""
        entry, plan = self._entry(wanted)
        self._refuse_taken(entry)
        return plan

    def create(self, wanted: Wanted) -> Made:
        """Make it, or find that it is made."""
        with self.journal.locked():
            known = self.journal.find(wanted.vgpu)
            if known is not None:
                self._refuse_other_mode(known)
                known = self._settled(known)
            if known is not None:
                return _made(known)
            entry, _ = self._entry(wanted)
            self._refuse_taken(entry)
            self.journal.put(_at(entry, Stage.MAKING))
            try:
                made = self._make(entry)
            except PartitionExists:
                self.journal.remove(entry.vgpu)  # it is another's: there is nothing to undo
                raise
            except NothingMade as told:
                self.journal.remove(entry.vgpu)
                raise told.why from told
            except HardwareError:
                if self._undone(self.journal.find(entry.vgpu) or entry, self._unmake):
                    self.journal.remove(entry.vgpu)
                raise
            return _made(self.journal.put(_at(made, Stage.MADE)))

    def attach(self, vgpu: str) -> Attachment:
        """Hand it over."""
        with self.journal.locked():
            entry = self._known(vgpu)
            if entry.stage is Stage.ATTACHED:
                return self._attachment(entry)
            if lines := self._gone(entry):
                raise saying(HardwareGone, *lines)
            if lines := self._changed(entry):
                raise saying(HardwareChanged, *lines)
            entry = self._before_handing_over(entry)
            self.journal.put(_at(entry, Stage.MOVING))
            try:
                self._hand_over(entry)
            except HardwareError:
                if self._undone(entry, self._take_back):
                    self.journal.put(_at(entry, Stage.MADE))
                raise
            return self._attachment(self.journal.put(_at(entry, Stage.ATTACHED)))

    def detach(self, vgpu: str) -> None:
        """Take it back."""
        with self.journal.locked():
            self._detached(self._known(vgpu))

    def restore(self, vgpu: str) -> None:
        """Put back what a hypervisor has taken away."""
        with self.journal.locked():
            entry = self._known(vgpu)
            self._refuse_users(entry)
            self._put_back(entry)

    def resize(self, vgpu: str, *, type: str | None = None, memory: int | None = None) -> Made:  # noqa: A002
        """Raise NotResizable, where that would change anything."""
        entry = self.journal.get(vgpu, self.mode)
        if type in (None, entry.type) and memory in (None, entry.memory):
            return _made(entry)
        raise refusal(NotResizable, Why.CUT_ONCE, mode=self.mode.value)

    def delete(self, vgpu: str) -> None:
        """Give the hardware back."""
        with self.journal.locked():
            entry = self._detached(self._known(vgpu))
            self._refuse_users(entry)
            self.journal.put(_at(entry, Stage.ENDING))
            self._unmake(entry)
            self.journal.remove(vgpu)

    def adopt(self) -> list[Made]:
        """All that was made and not deleted."""
        return [_made(entry) for entry in self._entries() if entry.stage in _SETTLED]

    def verify(self, vgpu: str) -> tuple[Line, ...]:
        """What isn't as it was left."""
        entry = self.journal.get(vgpu, self.mode)
        return self._gone(entry) or self._changed(entry)

    def recover(self) -> tuple[Line, ...]:
        """Undo what a death interrupted."""
        told: list[Line] = []
        with self.journal.locked():
            for entry in self._entries():
                if entry.stage in _SETTLED:
                    continue
                vgpu, device = entry.vgpu, entry.device
                try:
                    self._settled(entry)
                    told.append(because(Why.UNDONE, vgpu=vgpu, device=device))
                except HardwareError as error:
                    line = because(Why.NOT_UNDONE, *error.lines, vgpu=vgpu, device=device)
                    told.append(line)
        return tuple(told)

    # How that is done.

    def _known(self, vgpu: str) -> Entry:
        entry = self._settled(self.journal.get(vgpu, self.mode))
        return entry or self.journal.get(vgpu, self.mode)

    def _settled(self, entry: Entry) -> Entry | None:
        """The entry without an intent, after undoing what was interrupted; None where it ended."""
        if entry.stage in _SETTLED:
            return entry
        if entry.stage is Stage.MOVING:
            self._refuse_users(entry)
            self._take_back(entry)
            return self.journal.put(_at(entry, Stage.MADE))
        self._refuse_users(entry)
        self._unmake(entry)
        self.journal.remove(entry.vgpu)
        return None

    def _detached(self, entry: Entry) -> Entry:
        if entry.stage is not Stage.ATTACHED:
            return entry
        self._refuse_users(entry)
        self.journal.put(_at(entry, Stage.MOVING))
        self._take_back(entry)
        return self.journal.put(_at(entry, Stage.MADE))

    def _undone(self, entry: Entry, undo: Callable[[Entry], None]) -> bool:
        """Whether a failure left nothing behind; else the intent stays, for `recover`."""
        try:
            undo(entry)
        except HardwareError:
            return False
        return True

    def _entries(self) -> list[Entry]:
        return [entry for entry in self.journal.entries() if entry.mode is self.mode]

    def _refuse_other_mode(self, known: Entry) -> None:
        if known.mode is not self.mode:
            raise refusal(FunctionTaken, Why.HAS_MODE, vgpu=known.vgpu, mode=known.mode.value)

    def _refuse_taken(self, entry: Entry) -> None:
        """Raise FunctionTaken where another vGPU has what this one is to have."""
        for other in self.journal.entries():
            if other.vgpu == entry.vgpu:
                continue
            all_of_other = {*other.whole, *other.shared}
            clash = {*entry.whole} & all_of_other | {*entry.shared} & {*other.whole}
            if clash:
                address, mode = min(clash), other.mode.value
                raise refusal(FunctionTaken, Why.TAKEN, address=address, vgpu=other.vgpu, mode=mode)

    def _refuse_users(self, entry: Entry) -> None:
        refuse_users(entry.id, self._users(entry))

    def _subject(self, device: str) -> Subject:
        """What decides on a device's modes, read afresh."""
        if not self.kernel.has_function(device):
            raise refusal(HardwareGone, Why.NOT_ON_BUS, address=device)
        return Subject(
            kind="gpu",
            pci=read_function(self.kernel, device),
            offers=(),
            partition_types=pci_partitions.types(self.kernel, device),
            partitions=pci_partitions.existing(self.kernel, device),
            verdicts=(),
            nvml_asked=False,
            fault=None,
        )

    def _ability(self, device: str) -> ModeAbility:
        try:
            return ability(self.mode, self._subject(device))
        except HardwareGone as error:
            return ModeAbility(mode=self.mode, can=False, why_not=error.what, lines=(*error.lines,))

    def _able(self, device: str) -> Subject:
        """The subject; raises ModeUnavailable with the reason."""
        subject = self._subject(device)
        told = ability(self.mode, subject)
        if not told.can:
            raise saying(ModeUnavailable, *told.lines)
        return subject

    def _types(self, device: str) -> tuple[PartitionType, ...]:
        offered = pci_partitions.types(self.kernel, device)
        return tuple(one for one in offered if one.mode is self.mode)


def refuse_users(what: str, users: tuple[User, ...]) -> None:
    """Raise DeviceInUse, with who it is, where there are any."""
    if users:
        lines = [
            because(Why.USER, process=user.process_id, name=user.name, use=user.use.value)
            for user in users
        ]
        raise saying(DeviceInUse, because(Why.USED_BY, *lines, what=what))


def _at(entry: Entry, stage: Stage) -> Entry:
    return msgspec.structs.replace(entry, stage=stage)


def _made(entry: Entry) -> Made:
    return Made(
        mode=entry.mode,
        vgpu=entry.vgpu,
        device=entry.device,
        id=entry.id,
        type=entry.type,
        memory=entry.memory,
        attached=entry.stage is Stage.ATTACHED,
    )
