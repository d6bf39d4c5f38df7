"""Mode `mig`: a GPU instance of its own, placed so that most still fits beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from aliquot.devices.nvml import import_library
from aliquot.devices.users import PROC, User
from aliquot.devices.verdicts import can, cannot
from aliquot.errors import HardwareError, HardwareGone, ModeUnavailable, NoRoomForPartition
from aliquot.model.hardware import Attachment, Capabilities, Plan, Wanted
from aliquot.model.line import Line
from aliquot.model.modes import Mode, ModeAbility, PartitionType
from aliquot.model.why import Why, because
from aliquot.modes.choose_type import choose_type
from aliquot.modes.hardware_mode import HardwareMode, NothingMade
from aliquot.modes.journal import Entry, Journal, Stage
from aliquot.modes.kernel import Kernel
from aliquot.modes.mig.geometry import Geometry, Placed, best_start, more
from aliquot.modes.mig.instances import Gpu, Instance
from aliquot.modes.mig.steps import step
from aliquot.words.refusals import refusal


class Mig(HardwareMode):
    """GPU instances. MIG itself is not switched on or off: that resets the GPU."""

    mode = Mode.MIG

    def __init__(
        self,
        kernel: Kernel,
        journal: Journal,
        proc: str = PROC,
        load: Callable[[], Any] = import_library,
    ) -> None:
        """Call NVML through the library that `load` gives."""
        super().__init__(kernel, journal, proc)
        self._load = load

    def capabilities(self, device: str) -> Capabilities:
        """The profiles, each with how many more of it fit now."""
        try:
            with Gpu(device, self._load) as gpu:
                geometry = gpu.geometry()
                types = _types(geometry, more(geometry, gpu.state(geometry)))
        except HardwareError as error:
            return Capabilities(ability=cannot(self.mode, *error.lines))
        return Capabilities(ability=self._ability(device), types=types)

    def _entry(self, wanted: Wanted) -> tuple[Entry, Plan]:
        with Gpu(wanted.device, self._load) as gpu:
            if not gpu.is_cut:
                raise refusal(ModeUnavailable, Why.MIG_OFF)
            geometry = gpu.geometry()
            state = gpu.state(geometry)
        types = _types(geometry, more(geometry, state))
        chosen = choose_type(types, wanted)
        profile = geometry.profile(int(chosen.id))
        start = best_start(geometry, state, profile) if profile is not None else None
        if profile is None or start is None:
            raise refusal(NoRoomForPartition, Why.TYPE_FULL, device=wanted.device, type=chosen.name)
        entry = Entry(
            vgpu=wanted.vgpu,
            mode=self.mode,
            stage=Stage.MADE,
            device=wanted.device,
            id="",
            shared=(wanted.device,),
            type=chosen.id,
            memory=chosen.memory,
            start=start,
        )
        after = more(geometry, state | {Placed(profile.id, start)})
        notes = (because(Why.GEOMETRY_INFERRED),) if geometry.inferred else ()
        return entry, Plan(
            mode=self.mode,
            target=f"{wanted.device} {start}+{profile.size}",
            type=chosen.id,
            memory=chosen.memory,
            steps=(step(wanted.device, profile, start),),
            notes=notes,
            leaves={one.name: after[one.id] for one in geometry.profiles},
        )

    def _make(self, entry: Entry) -> Entry:
        with Gpu(entry.device, self._load) as gpu:
            profile = gpu.geometry().profile(int(entry.type or -1))
            if profile is None or entry.start is None:
                raise refusal(HardwareGone, Why.MIG_GONE, address=entry.device, start=-1)
            try:
                instance = gpu.create(profile, entry.start)
            except HardwareError as error:
                raise NothingMade(error) from error
            # Kept before it has a MIG device: one that has one, and isn't known, is another's.
            entry = msgspec.structs.replace(entry, stage=Stage.MAKING, instance=instance)
            self.journal.put(entry)
            return msgspec.structs.replace(entry, id=gpu.furnish(profile, instance))

    def _unmake(self, entry: Entry) -> None:
        """End the instance that is known to be ours."""
        try:
            with Gpu(entry.device, self._load) as gpu:
                geometry = gpu.geometry()
                instance = _at(gpu.instances(geometry), entry)
                if instance is not None:
                    gpu.destroy(geometry, instance)
        except HardwareGone:
            return

    def _attachment(self, entry: Entry) -> Attachment:
        environment = {"CUDA_VISIBLE_DEVICES": entry.id, "NVIDIA_VISIBLE_DEVICES": entry.id}
        return Attachment(mode=self.mode, vgpu=entry.vgpu, environment=environment)

    def _users(self, entry: Entry) -> tuple[User, ...]:
        try:
            with Gpu(entry.device, self._load) as gpu:
                instance = _at(gpu.instances(gpu.geometry()), entry)
                return gpu.users(instance, self.proc) if instance is not None else ()
        except HardwareGone:
            return ()

    def _gone(self, entry: Entry) -> tuple[Line, ...]:
        try:
            with Gpu(entry.device, self._load) as gpu:
                found = _at(gpu.instances(gpu.geometry()), entry)
        except HardwareGone as error:
            return (*error.lines,)
        if found is not None and found.uuid is not None:
            return ()
        return (because(Why.MIG_GONE, address=entry.device, start=entry.start or 0),)

    def _changed(self, entry: Entry) -> tuple[Line, ...]:  # noqa: ARG002 - another one is gone
        return ()

    def _ability(self, device: str) -> ModeAbility:
        with Gpu(device, self._load) as gpu:
            return can(self.mode) if gpu.is_cut else can(self.mode, because(Why.MIG_OFF))


def _at(instances: list[Instance], entry: Entry) -> Instance | None:
    """The instance of an entry: at its place, of its profile, and no other's by number and UUID.

    One that has no MIG device is one that was being made or ended. Of one whose number wasn't kept,
    because who made it died in that moment, there can be no MIG device yet.
    """
    for one in instances:
        if (one.placed.profile, one.placed.start) != (int(entry.type or -1), entry.start):
            continue
        ours = one.uuid in (None, entry.id) if entry.id else entry.instance == one.id
        if ours or (entry.instance is None and one.uuid is None):
            return one
    return None


def _types(geometry: Geometry, left: dict[int, int]) -> tuple[PartitionType, ...]:
    return tuple(
        PartitionType(
            mode=Mode.MIG,
            id=str(one.id),
            name=one.name,
            available=left[one.id],
            most=one.most,
            memory=one.memory,
        )
        for one in sorted(geometry.profiles, key=lambda one: (one.size, one.compute, one.id))
    )
