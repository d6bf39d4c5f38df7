"""MIG as NVML tells of it: whether a GPU can, its profiles, and the instances there are."""

from __future__ import annotations

from typing import Any

from aliquot.devices.nvml_calls import NvmlCalls
from aliquot.devices.verdicts import can, cannot
from aliquot.model.modes import Mode, ModeAbility, Partition, PartitionType
from aliquot.model.why import Why, because

_MOST_PROFILES = 64
_MOST_INSTANCES = 64
_MIB = 1 << 20


def read(
    calls: NvmlCalls, handle: Any
) -> tuple[ModeAbility, tuple[PartitionType, ...], tuple[Partition, ...]]:
    """What a GPU can of MIG, the profiles of its GPU instances, and its MIG devices.

    NVML lists the profiles whether or not MIG is on; how many more fit, only while it is on.
    """
    modes = calls.ask("nvmlDeviceGetMigMode", handle)
    if not modes:
        return cannot(Mode.MIG, because(Why.NVML_SAYS, error=calls.last_error)), (), ()
    current, pending = modes
    is_on = current == calls.library.NVML_DEVICE_MIG_ENABLE
    if current != pending:
        ability = can(Mode.MIG, because(Why.MIG_CHANGES))
    else:
        ability = can(Mode.MIG) if is_on else can(Mode.MIG, because(Why.MIG_OFF))
    return ability, _profiles(calls, handle, is_on), _instances(calls, handle) if is_on else ()


def _profiles(calls: NvmlCalls, handle: Any, is_on: bool) -> tuple[PartitionType, ...]:
    found: list[PartitionType] = []
    count = getattr(calls.library, "NVML_GPU_INSTANCE_PROFILE_COUNT", 0)
    for profile in range(min(count, _MOST_PROFILES)):
        info = calls.ask("nvmlDeviceGetGpuInstanceProfileInfo", handle, profile)
        if info is None:
            continue
        available = None
        if is_on:
            available = calls.ask("nvmlDeviceGetGpuInstanceRemainingCapacity", handle, info.id)
        name = str(info.name).removeprefix("MIG ").strip()
        found.append(
            PartitionType(
                mode=Mode.MIG,
                id=str(info.id),
                name=name or f"{info.sliceCount}g",
                available=available,
                most=int(info.instanceCount),
                memory=int(info.memorySizeMB) * _MIB,
                compute_units=int(info.multiprocessorCount),
            )
        )
    return tuple(found)


def _instances(calls: NvmlCalls, handle: Any) -> tuple[Partition, ...]:
    found: list[Partition] = []
    most = calls.ask("nvmlDeviceGetMaxMigDeviceCount", handle) or 0
    for index in range(min(most, _MOST_INSTANCES)):
        mig = calls.ask("nvmlDeviceGetMigDeviceHandleByIndex", handle, index)
        uuid = calls.ask("nvmlDeviceGetUUID", mig, give=str) if mig is not None else None
        if uuid is None:
            continue  # numbers of instances have gaps
        memory = calls.ask("nvmlDeviceGetMemoryInfo", mig)
        name = calls.ask("nvmlDeviceGetName", mig, give=str) or ""
        kind = name.partition(" MIG ")[2] or None
        total = int(memory.total) if memory else None
        start, slices = _placement(calls, handle, mig)
        found.append(
            Partition(mode=Mode.MIG, id=uuid, type=kind, memory=total, start=start, slices=slices)
        )
    return tuple(found)


def _placement(calls: NvmlCalls, handle: Any, mig: Any) -> tuple[int | None, int | None]:
    """Where the GPU instance of a MIG device lies; only root may be told."""
    number = calls.ask("nvmlDeviceGetGpuInstanceId", mig, give=int)
    instance = None
    if number is not None:
        instance = calls.ask("nvmlDeviceGetGpuInstanceById", handle, number)
    info = calls.ask("nvmlGpuInstanceGetInfo", instance) if instance is not None else None
    if info is None:
        return None, None
    return int(info.placement.start), int(info.placement.size)
