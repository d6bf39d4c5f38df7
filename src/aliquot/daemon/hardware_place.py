"""Which device a vGPU of hardware is made of, and why not of the others.

Decided by what discovery has told, so within the change that makes it. The mode looks again when it
makes it: what the hardware has become meanwhile is refused there. docs/modes has the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from aliquot.daemon.choosing import Line as ListedDevice
from aliquot.daemon.choosing import lines as listed_devices
from aliquot.daemon.hardware import is_hardware
from aliquot.devices.verdicts import cannot
from aliquot.devices.vgpu_type_names import memory_of
from aliquot.errors import (
    AliquotError,
    BootDisplayKept,
    FunctionTaken,
    HardwareError,
    MemoryUnavailable,
    ModeUnavailable,
    NoDeviceFits,
    NoRoomForPartition,
    NoSuchPartitionType,
    QuotaAboveDevice,
    TenantQuota,
    UnknownDevice,
)
from aliquot.model.device_record import DeviceRecord
from aliquot.model.hardware import Wanted
from aliquot.model.line import Line
from aliquot.model.modes import Mode, ModeAbility, PartitionType
from aliquot.model.pci import PciFunction
from aliquot.model.shares import WHOLE
from aliquot.model.vgpu_record import Placement, VgpuRecord, VgpuSpec
from aliquot.model.why import Why, because
from aliquot.modes.binding import VFIO
from aliquot.modes.choose_type import choose_type
from aliquot.placement.engine.quotas import Quota
from aliquot.placement.explain import quota_lines
from aliquot.store import View, vgpus
from aliquot.words.refusals import refusal, saying


class Verdict(NamedTuple):
    """A device that was looked at: what it would reserve there, or why it won't do.

    `error` is the kind of the refusal, None where it fits. `fullness` is how full the device would
    be, 0 to 1.
    """

    device: DeviceRecord
    lines: list[Line]
    error: type[AliquotError] | None = None
    type: PartitionType | None = None
    memory: int = 0  # its own; 0: nobody tells
    guarantee: int = 0
    fullness: float = 0.0

    @property
    def fits(self) -> bool:
        """Whether it will do."""
        return self.error is None

    @property
    def set_aside(self) -> int:
        """What of the device's memory it reserves: its own, as far as that is known and free.

        What fits beside other partitions the hardware decides. Drivers count otherwise than cards
        do: the largest type of some is larger than what is told of their memory.
        """
        return min(self.memory, self.device.free_memory)


def verdicts(view: View, spec: VgpuSpec, node: str, left: Quota) -> list[Verdict]:
    """What there is to say of each device of a node, in their order.

    `left` is what the tenant may have beside what it has.
    """
    # A partition is no card: nothing is cut of it.
    devices = [line for line in listed_devices(view, node) if not line.record.facts.get("carrier")]
    there = vgpus.placed(view, node)
    all_simulated = all(line.record.simulated for line in devices)
    return [
        _verdict(line, spec, _beside(line, devices, there), left, all_simulated=all_simulated)
        for line in devices
    ]


def chosen(found: Sequence[Verdict], spec: VgpuSpec) -> Verdict:
    """The device; raises why there is none, of the one that was asked for or that comes nearest."""
    fitting = [one for one in found if one.fits]
    if fitting:
        return min(fitting, key=lambda one: _rank(one, spec))
    if not found:
        raise refusal(UnknownDevice, Why.NO_DEVICE)
    nearest = min(found, key=_nearness)
    assert nearest.error is not None
    raise saying(nearest.error, at(nearest))


def at(one: Verdict) -> Line:
    """A verdict as a sentence about its device."""
    why = Why.GOES_TO if one.fits else Why.AT_DEVICE
    return because(why, *one.lines, device=one.device.name, uuid=one.device.uuid)


def address_of(device: DeviceRecord) -> str:
    """Where modes find the device: its PCI address; raises ModeUnavailable where it has none."""
    pci = pci_of(device)
    if pci is None:
        raise refusal(ModeUnavailable, Why.PLACE_UNKNOWN)
    return pci.address


def pci_of(device: DeviceRecord) -> PciFunction | None:
    """What discovery tells of a device's place on the PCI bus."""
    told = device.facts.get("pci")
    return None if told is None else msgspec.convert(told, PciFunction)


def abilities_of(device: DeviceRecord) -> tuple[ModeAbility, ...]:
    """What discovery tells of a device's modes: what it can now.

    MIG is switched by whoever administers the machine: that resets the GPU.
    """
    told = msgspec.convert(device.facts.get("modes", []), tuple[ModeAbility, ...])
    return tuple(
        cannot(one.mode, *one.lines) if any(line.key in _NOT_NOW for line in one.lines) else one
        for one in told
    )


def types_of(device: DeviceRecord, mode: Mode) -> tuple[PartitionType, ...]:
    """The types of partitions that a device offers in a mode."""
    told = device.facts.get("partition_types", [])
    return tuple(
        one for one in msgspec.convert(told, tuple[PartitionType, ...]) if one.mode is mode
    )


_NOT_NOW = frozenset(f"why-{why.value}" for why in (Why.MIG_OFF, Why.MIG_CHANGES))
# Of what is refused, the nearest to what was asked for first: so that is what is told.
_REFUSALS: tuple[type[AliquotError], ...] = (
    TenantQuota,
    FunctionTaken,
    MemoryUnavailable,
    NoRoomForPartition,
    NoSuchPartitionType,
    QuotaAboveDevice,
    ModeUnavailable,
    HardwareError,
    NoDeviceFits,
    UnknownDevice,
)


def _nearness(one: Verdict) -> int:
    assert one.error is not None
    return next(rank for rank, kind in enumerate(_REFUSALS) if issubclass(one.error, kind))


def _verdict(
    line: ListedDevice,
    spec: VgpuSpec,
    beside: list[VgpuRecord],
    left: Quota,
    *,
    all_simulated: bool,
) -> Verdict:
    device, mode = line.record, Mode(spec.mode)
    named = spec.device == device.uuid

    def no(kind: type[AliquotError], *lines: Line) -> Verdict:
        return Verdict(device, list(lines), kind)

    if spec.device is not None and not named:
        return no(UnknownDevice, because(Why.OTHER_DEVICE))
    if not device.present:
        return no(NoDeviceFits, because(Why.GONE))
    if device.simulated and not named and not all_simulated:
        return no(NoDeviceFits, because(Why.NOT_NAMED))
    told = next((one for one in abilities_of(device) if one.mode is mode), None)
    if told is None or not told.can:
        reasons = told.lines if told else (because(Why.NOT_TOLD),)
        return no(ModeUnavailable, because(Why.NO_MODE, mode=mode.value), *reasons)
    pci = pci_of(device)
    shown = pci is not None and pci.boot_display and pci.driver != VFIO
    if mode is Mode.PASSTHROUGH and shown and not spec.force:
        return no(BootDisplayKept, because(Why.BOOT_DISPLAY))
    if mode is Mode.PASSTHROUGH and beside:
        return no(FunctionTaken, because(Why.HOLDS_VGPUS, count=len(beside)))
    if any(other.spec.mode == Mode.PASSTHROUGH for other in beside):
        return no(FunctionTaken, because(Why.HANDED_OVER))
    try:
        kind = _type(device, spec, mode, beside)
    except HardwareError as error:
        return Verdict(device, list(error.lines), type(error))
    memory = device.memory if mode is Mode.PASSTHROUGH else _memory(kind)
    if lines := _short(device, spec, memory, beside):
        too_small = bool(device.memory) and max(memory, spec.memory) > device.memory
        return no(QuotaAboveDevice if too_small else MemoryUnavailable, *lines)
    guarantee = WHOLE if mode is Mode.PASSTHROUGH else 0
    if lines := _beyond(left, memory, guarantee):
        return no(TenantQuota, *lines)
    share = (device.reserved_memory + memory) / device.memory if device.memory else 0.0
    told = _reserved(mode, min(memory, device.free_memory))
    return Verdict(device, told, None, kind, memory, guarantee, min(1.0, share))


def _type(
    device: DeviceRecord, spec: VgpuSpec, mode: Mode, beside: list[VgpuRecord]
) -> PartitionType | None:
    """The type of partition; None where the device has none, or tells them only later."""
    if mode is Mode.PASSTHROUGH:
        return None
    offered = types_of(device, mode)
    if not offered and mode is Mode.SRIOV:
        # Which types there are only the virtual functions tell, and there are none yet.
        name = spec.type
        if name is None:
            return None
        return PartitionType(mode=mode, id=name, name=name, memory=memory_of(name))
    if device.simulated:
        offered = tuple(_counted(one, beside) for one in offered)
    offered = tuple(
        one if one.memory else msgspec.structs.replace(one, memory=memory_of(one.name))
        for one in offered
    )
    wanted = Wanted(
        vgpu="",
        device=device.name,
        type=spec.type,
        memory=spec.memory or None if spec.type is None else None,
    )
    return choose_type(offered, wanted)


def _counted(kind: PartitionType, beside: list[VgpuRecord]) -> PartitionType:
    """A type of a simulated device, of which nobody but us counts how many there are."""
    if kind.most is None:
        return kind
    names = (kind.id, kind.name)
    used = sum(one.spec.mode == kind.mode and one.spec.type in names for one in beside)
    return msgspec.structs.replace(kind, available=max(0, kind.most - used))


def _memory(kind: PartitionType | None) -> int:
    """What a partition of a type has; 0 where nobody tells."""
    return kind.memory or 0 if kind is not None else 0


def _short(
    device: DeviceRecord, spec: VgpuSpec, memory: int, beside: list[VgpuRecord]
) -> list[Line]:
    """What is lacking of the memory that was asked for, or that software was promised there."""
    if spec.memory > memory and not memory:
        return [because(Why.MEMORY_UNTOLD)]
    if spec.memory > memory:
        return [because(Why.TOO_SMALL, size=memory, wanted=spec.memory)]
    if memory <= device.free_memory:
        return []
    beside_hardware = all(is_hardware(one.spec) for one in beside)
    if beside_hardware and not (device.simulated and beside):
        return []  # it decides that itself; who is only simulated can't
    size, free = device.memory, device.free_memory
    if memory > size and not beside_hardware:
        return [because(Why.TOO_SMALL, size=size, wanted=memory)]
    if not free:
        return [because(Why.NO_MEMORY, size=size, wanted=memory)]
    return [because(Why.MEMORY_SHORT, free=free, size=size, wanted=memory)]


def _beyond(left: Quota, memory: int, guarantee: int) -> list[Line]:
    if left.device_memory is not None and not memory:
        return [because(Why.QUOTA_UNTOLD)]
    return quota_lines(left, memory, guarantee)


def _reserved(mode: Mode, memory: int) -> list[Line]:
    if mode is Mode.PASSTHROUGH:
        return [because(Why.RESERVES_WHOLE)]
    if not memory:
        return [because(Why.RESERVES_UNTOLD)]
    return [because(Why.RESERVES, memory=memory)]


def _beside(
    line: ListedDevice, devices: Sequence[ListedDevice], there: dict[str, list[VgpuRecord]]
) -> list[VgpuRecord]:
    """What has a place on the same card: that is several devices where several drivers offer it."""
    card = line.record.facts.get("uuid", line.uuid)
    same = [one.uuid for one in devices if one.record.facts.get("uuid", one.uuid) == card]
    return [kept for uuid in same for kept in there.get(uuid, ())]


def _rank(one: Verdict, spec: VgpuSpec) -> tuple[bool, float]:
    """The best first: never the display that the machine started with where another will do."""
    if spec.mode == Mode.PASSTHROUGH:
        pci = pci_of(one.device)
        return pci is not None and pci.boot_display, one.memory  # the smallest that suffices
    full = one.fullness if spec.placement is Placement.SPREAD else -one.fullness
    return False, full
