"""GPU instances through NVML: which there are, and making and ending them.

Calls as nvidia-ml-py has them. Tested on a stand-in with the package's signatures, errors and
rules of placement; not tested on hardware.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

from aliquot.devices.nvml import import_library
from aliquot.devices.nvml_calls import NvmlCalls
from aliquot.devices.sysfs import Sysfs
from aliquot.devices.users import PROC, Use, User
from aliquot.errors import (
    DeviceInUse,
    HardwareError,
    HardwareGone,
    HardwareNotPermitted,
    KernelRefused,
    ModeUnavailable,
    ModuleMissing,
    NoRoomForPartition,
)
from aliquot.model.why import Why
from aliquot.modes.mig.geometry import Geometry, GpuProfile, Placed, State
from aliquot.modes.mig.known_geometries import of_name
from aliquot.words.refusals import refusal

_MOST_INSTANCES = 64
_MIB = 1 << 20


class Instance(NamedTuple):
    """A GPU instance that exists; `uuid` is of its MIG device, None while it has none."""

    id: int
    placed: Placed
    size: int
    uuid: str | None


class Gpu:
    """One GPU with MIG, opened for a while. A context manager."""

    def __init__(self, address: str, load: Callable[[], Any] = import_library) -> None:
        """Open by PCI address; raises ModuleMissing, HardwareGone, or what NVML refuses."""
        try:
            self._library = load()
        except ImportError as error:
            raise refusal(ModuleMissing, Why.NO_NVML) from error
        self._calls = NvmlCalls(self._library)
        self.address = address
        self._do("nvmlInit")
        try:
            self._handle = self._do("nvmlDeviceGetHandleByPciBusId", address.encode())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Gpu:
        """The GPU."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of NVML."""
        self.close()

    def close(self) -> None:
        """Let go of NVML."""
        self._calls.ask("nvmlShutdown")

    @property
    def is_cut(self) -> bool:
        """Whether MIG is on, and stays so."""
        modes = self._calls.ask("nvmlDeviceGetMigMode", self._handle)
        on = self._library.NVML_DEVICE_MIG_ENABLE
        return modes is not None and [*modes] == [on, on]

    def geometry(self) -> Geometry:
        """As NVML tells, else as such GPUs are known to be; raises ModeUnavailable."""
        profiles: list[GpuProfile] = []
        count = getattr(self._library, "NVML_GPU_INSTANCE_PROFILE_COUNT", 0)
        for number in range(min(count, _MOST_INSTANCES)):
            info = self._calls.ask("nvmlDeviceGetGpuInstanceProfileInfo", self._handle, number)
            if info is None:
                continue
            places = self._places(info.id)
            if not places:
                continue
            profiles.append(
                GpuProfile(
                    id=int(info.id),
                    name=str(info.name).removeprefix("MIG ").strip() or f"{info.sliceCount}g",
                    size=places[0][1],
                    compute=int(info.sliceCount),
                    starts=tuple(start for start, _ in places),
                    most=int(info.instanceCount),
                    memory=int(info.memorySizeMB) * _MIB,
                )
            )
        if profiles:
            # The profile that takes all tells how much there is.
            return Geometry(
                memory_slices=max(p.size + max(p.starts) for p in profiles),
                compute_slices=max(p.compute for p in profiles),
                profiles=tuple(profiles),
            )
        name = self._calls.ask("nvmlDeviceGetName", self._handle, give=str) or ""
        memory = self._calls.ask("nvmlDeviceGetMemoryInfo", self._handle)
        known = of_name(name, int(memory.total) if memory else None)
        if known is None:
            raise refusal(ModeUnavailable, Why.NO_GEOMETRY, name=name or "-")
        return known

    def instances(self, geometry: Geometry) -> list[Instance]:
        """All GPU instances of the profiles that are known, in the order of their places."""
        uuids = {number: uuid for number, uuid, _ in self._mig_devices()}
        found: list[Instance] = []
        for profile in geometry.profiles:
            for instance in self._gpu_instances(profile):
                info = self._do("nvmlGpuInstanceGetInfo", instance)
                placed = Placed(int(info.profileId), int(info.placement.start))
                number = int(info.id)
                found.append(Instance(number, placed, int(info.placement.size), uuids.get(number)))
        return sorted(found, key=lambda one: one.placed.start)

    def state(self, geometry: Geometry) -> State:
        """Where instances lie."""
        return frozenset(one.placed for one in self.instances(geometry))

    def create(self, profile: GpuProfile, start: int) -> int:
        """Make a GPU instance there; its number."""
        placement = self._library.c_nvmlGpuInstancePlacement_t(start, profile.size)
        instance = self._do(
            "nvmlDeviceCreateGpuInstanceWithPlacement", self._handle, profile.id, placement
        )
        try:
            return int(self._do("nvmlGpuInstanceGetInfo", instance).id)
        except HardwareError:
            self._calls.ask("nvmlGpuInstanceDestroy", instance)  # nobody would know whose it is
            raise

    def furnish(self, profile: GpuProfile, number: int) -> str:
        """Make one compute instance of all of a GPU instance; the UUID of its MIG device."""
        instance = self._do("nvmlDeviceGetGpuInstanceById", self._handle, number)
        kind = getattr(self._library, f"NVML_COMPUTE_INSTANCE_PROFILE_{profile.compute}_SLICE")
        engines = self._library.NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED
        info = self._do("nvmlGpuInstanceGetComputeInstanceProfileInfo", instance, kind, engines)
        self._do("nvmlGpuInstanceCreateComputeInstance", instance, info.id)
        for found, uuid, _ in self._mig_devices():
            if found == number:
                return uuid
        raise refusal(HardwareGone, Why.MIG_GONE, address=self.address, start=number)

    def destroy(self, geometry: Geometry, instance: Instance) -> None:
        """End a GPU instance and its compute instances; raises DeviceInUse where one is busy."""
        profile = geometry.profile(instance.placed.profile)
        if profile is None:
            return
        for gpu_instance in self._gpu_instances(profile):
            if int(self._do("nvmlGpuInstanceGetInfo", gpu_instance).id) != instance.id:
                continue
            for compute_instance in self._compute_instances(gpu_instance):
                self._do("nvmlComputeInstanceDestroy", compute_instance)
            self._do("nvmlGpuInstanceDestroy", gpu_instance)

    def users(self, instance: Instance, proc: str = PROC) -> tuple[User, ...]:
        """The processes that compute on an instance."""
        found: list[User] = []
        for number, uuid, handle in self._mig_devices():
            if number != instance.id:
                continue
            # Where NVML can't tell who computes, nobody is promised to be idle: that is an error.
            for process in self._do("nvmlDeviceGetComputeRunningProcesses", handle):
                name = Sysfs(proc).text(str(process.pid), "comm") or "?"
                user = User(process_id=int(process.pid), name=name, use=Use.COMPUTE, file=uuid)
                found.append(user)
        return tuple(found)

    def _mig_devices(self) -> list[tuple[int, str, Any]]:
        """Of each MIG device the number of its GPU instance, its UUID, its handle."""
        found: list[tuple[int, str, Any]] = []
        most = self._calls.ask("nvmlDeviceGetMaxMigDeviceCount", self._handle) or 0
        for index in range(min(most, _MOST_INSTANCES)):
            device = self._calls.ask("nvmlDeviceGetMigDeviceHandleByIndex", self._handle, index)
            if device is None:
                continue  # their numbers have gaps
            number = self._calls.ask("nvmlDeviceGetGpuInstanceId", device, give=int)
            uuid = self._calls.ask("nvmlDeviceGetUUID", device, give=str)
            if number is not None and uuid is not None:
                found.append((number, uuid, device))
        return found

    def _places(self, profile: int) -> list[tuple[int, int]]:
        """Start and size of each place of a profile, by their starts; nothing where not told."""
        count = ctypes.c_uint(0)
        name = "nvmlDeviceGetGpuInstancePossiblePlacements"
        if self._calls.ask(name, self._handle, profile, None, ctypes.byref(count)) is None:
            return []
        places = (self._library.c_nvmlGpuInstancePlacement_t * max(1, count.value))()
        self._calls.ask(name, self._handle, profile, places, ctypes.byref(count))
        return sorted((int(one.start), int(one.size)) for one in places[: count.value])

    def _gpu_instances(self, profile: GpuProfile) -> list[Any]:
        count = ctypes.c_uint(0)
        room = (self._library.c_nvmlGpuInstance_t * max(1, profile.most))()
        name = "nvmlDeviceGetGpuInstances"
        self._do(name, self._handle, profile.id, room, ctypes.byref(count))
        return list(room[: count.value])

    def _compute_instances(self, gpu_instance: Any) -> list[Any]:
        found: list[Any] = []
        engines = self._library.NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED
        for kind in range(self._library.NVML_COMPUTE_INSTANCE_PROFILE_COUNT):
            info = self._calls.ask(
                "nvmlGpuInstanceGetComputeInstanceProfileInfo", gpu_instance, kind, engines
            )
            if info is None:
                continue
            count = ctypes.c_uint(0)
            room = (self._library.c_nvmlComputeInstance_t * max(1, int(info.instanceCount)))()
            name = "nvmlGpuInstanceGetComputeInstances"
            self._do(name, gpu_instance, info.id, room, ctypes.byref(count))
            found += room[: count.value]
        return found

    def _do(self, function: str, *arguments: Any) -> Any:
        """What a function answers; its refusal as an error of ours."""
        try:
            return getattr(self._library, function)(*arguments)
        except self._library.NVMLError as error:
            kinds = {
                self._library.NVML_ERROR_NO_PERMISSION: HardwareNotPermitted,
                self._library.NVML_ERROR_IN_USE: DeviceInUse,
                self._library.NVML_ERROR_INSUFFICIENT_RESOURCES: NoRoomForPartition,
                self._library.NVML_ERROR_NOT_FOUND: HardwareGone,
                self._library.NVML_ERROR_GPU_IS_LOST: HardwareGone,
                self._library.NVML_ERROR_DRIVER_NOT_LOADED: ModuleMissing,
                self._library.NVML_ERROR_LIBRARY_NOT_FOUND: ModuleMissing,
            }
            kind = kinds.get(getattr(error, "value", None), KernelRefused)
            raise refusal(
                kind, Why.NVML_REFUSES, address=self.address, call=function, error=str(error)
            ) from error
