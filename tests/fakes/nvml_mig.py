# ruff: noqa: N802, N803, N815 (the names are the package's)
"""A stand-in for pynvml on a GPU with MIG: instances are made and ended by NVIDIA's rules.

The rules and tables here are written apart from those of aliquot.modes.mig, on bit masks, so that
one can be held against the other. Its state lies in a file, so that it outlives who uses it.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.fakes import nvml
from tests.fakes.nvml import NVMLError

NVML_ERROR_NO_PERMISSION = 4
NVML_ERROR_INSUFFICIENT_SIZE = 7
NVML_ERROR_IN_USE = 19
NVML_ERROR_INSUFFICIENT_RESOURCES = 23
NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE = 0
NVML_COMPUTE_INSTANCE_PROFILE_2_SLICE = 1
NVML_COMPUTE_INSTANCE_PROFILE_3_SLICE = 2
NVML_COMPUTE_INSTANCE_PROFILE_4_SLICE = 3
NVML_COMPUTE_INSTANCE_PROFILE_7_SLICE = 4
NVML_COMPUTE_INSTANCE_PROFILE_COUNT = 9
NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED = 0

_COMPUTE_SLICES = {0: 1, 1: 2, 2: 3, 3: 4, 4: 7}

# By the name of a GPU: memory and compute slices, and the profiles by their number in NVML's
# enumeration: id, name, memory slices, compute slices, starts, most, MiB.
Row = tuple[int, str, int, int, list[int], int, int]


def _big(names: list[str], mib: list[int]) -> tuple[int, int, dict[int, Row]]:
    ones = [0, 1, 2, 3, 4, 5, 6]
    return (
        8,
        7,
        {
            0: (19, names[0], 1, 1, ones, 7, mib[0]),
            7: (20, names[0] + "+me", 1, 1, ones, 1, mib[0]),
            9: (15, names[1], 2, 1, [0, 2, 4, 6], 4, mib[1]),
            1: (14, names[2], 2, 2, [0, 2, 4], 3, mib[1]),
            2: (9, names[3], 4, 3, [0, 4], 2, mib[2]),
            3: (5, names[4], 4, 4, [0], 1, mib[2]),
            4: (0, names[5], 8, 7, [0], 1, mib[3]),
        },
    )


GPUS: dict[str, tuple[int, int, dict[int, Row]]] = {
    "NVIDIA A30": (
        4,
        4,
        {
            0: (14, "1g.6gb", 1, 1, [0, 1, 2, 3], 4, 5952),
            7: (21, "1g.6gb+me", 1, 1, [0, 1, 2, 3], 1, 5952),
            1: (5, "2g.12gb", 2, 2, [0, 2], 2, 11968),
            8: (6, "2g.12gb+me", 2, 2, [0, 2], 1, 11968),
            3: (0, "4g.24gb", 4, 4, [0], 1, 24064),
        },
    ),
    "NVIDIA A100-SXM4-40GB": _big(
        ["1g.5gb", "1g.10gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb"],
        [4864, 9856, 19968, 40192],
    ),
    "NVIDIA A100-SXM4-80GB": _big(
        ["1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb"],
        [9728, 19968, 40192, 81152],
    ),
    "NVIDIA H100 80GB HBM3": _big(
        ["1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb"],
        [9984, 20096, 40320, 80896],
    ),
    "NVIDIA H200": _big(
        ["1g.18gb", "1g.35gb", "2g.35gb", "3g.71gb", "4g.71gb", "7g.141gb"],
        [16384, 33280, 71424, 144384],
    ),
}


class Placement(ctypes.Structure):
    _fields_ = [("start", ctypes.c_uint), ("size", ctypes.c_uint)]


class MigNvml:
    """The module, for one GPU of that name."""

    NVMLError = NVMLError
    c_nvmlGpuInstancePlacement_t = Placement
    c_nvmlGpuInstance_t = ctypes.c_uint64
    c_nvmlComputeInstance_t = ctypes.c_uint64

    def __init__(self, name: str, file: Path, address: str = "0000:41:00.0") -> None:
        self.name, self.file, self.address = name, file, address
        self.memory_slices, self.compute_slices, self.rows = GPUS[name]
        self.by_id = {row[0]: row for row in self.rows.values()}
        self.failing: dict[str, int] = {}
        self.calls: list[str] = []
        self._die_at: tuple[int, bool] | None = None
        self._changes = 0
        if not file.exists():
            self.save({"mode": [1, 1], "instances": {}, "processes": {}})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("NVML_"):
            return globals().get(name, getattr(nvml, name, None))
        raise AttributeError(f"module 'pynvml' has no attribute {name!r}")

    # The state, and dying at a change of it.

    def load(self) -> dict[str, Any]:
        return json.loads(self.file.read_text())

    def save(self, state: dict[str, Any]) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(state))
        new.replace(self.file)

    def placed(self) -> set[tuple[int, int]]:
        """Profile and start of every instance."""
        return {(i["profile"], i["start"]) for i in self.load()["instances"].values()}

    def kill_at(self, change: int, *, done: bool) -> None:
        """Kill this process at the change of that number, before or after it is carried out."""
        self._die_at, self._changes = (change, done), 0

    def _change(self, state: dict[str, Any], function: str) -> None:
        self._changes += 1
        if self._die_at == (self._changes, False):
            os.kill(os.getpid(), signal.SIGKILL)
        self.calls.append(function)
        self.save(state)
        if self._die_at == (self._changes, True):
            os.kill(os.getpid(), signal.SIGKILL)

    def _state(self, function: str, *, changes: bool = False) -> dict[str, Any]:
        if function in self.failing:
            raise NVMLError(self.failing[function])
        state = self.load()
        if state.get("gone"):
            raise NVMLError(nvml.NVML_ERROR_GPU_IS_LOST)
        if changes and state.get("denied"):
            raise NVMLError(NVML_ERROR_NO_PERMISSION)
        return state

    def _row(self, profile: int) -> Row:
        if profile not in self.by_id:
            raise NVMLError(nvml.NVML_ERROR_INVALID_ARGUMENT)
        return self.by_id[profile]

    def fits(self, state: dict[str, Any], profile: int, start: int) -> bool:
        """Whether one more may lie there: masks of memory slices, sum of compute, counts."""
        row = self._row(profile)
        others = [(self.by_id[i["profile"]], i["start"]) for i in state["instances"].values()]
        mask = ((1 << row[2]) - 1) << start
        taken = sum(((1 << other[2]) - 1) << at for other, at in others)
        same = sum(other[0] == profile for other, _ in others)
        media = "+me" in row[1] and any("+me" in other[1] for other, _ in others)
        compute = row[3] + sum(other[3] for other, _ in others)
        return (
            start in row[4]
            and not mask & taken
            and compute <= self.compute_slices
            and same < row[5]
            and not media
        )

    # The functions.

    def nvmlInit(self) -> None:
        if "nvmlInit" in self.failing:
            raise NVMLError(self.failing["nvmlInit"])

    def nvmlShutdown(self) -> None:
        pass

    def nvmlDeviceGetHandleByPciBusId(self, pciBusId: bytes) -> str:
        self._state("nvmlDeviceGetHandleByPciBusId")
        if pciBusId.decode() != self.address:
            raise NVMLError(nvml.NVML_ERROR_NOT_FOUND)
        return "gpu"

    def nvmlDeviceGetName(self, handle: str) -> str:
        return self.name

    def nvmlDeviceGetMemoryInfo(self, handle: str, version: Any = None) -> Any:
        return SimpleNamespace(total=max(row[6] for row in self.rows.values()) << 20)

    def nvmlDeviceGetMigMode(self, device: str) -> list[int]:
        return self._state("nvmlDeviceGetMigMode")["mode"]

    def nvmlDeviceGetGpuInstanceProfileInfo(
        self, device: str, profile: int, version: int = 2
    ) -> Any:
        self._state("nvmlDeviceGetGpuInstanceProfileInfo")
        if profile not in self.rows:
            raise NVMLError(nvml.NVML_ERROR_NOT_SUPPORTED)
        number, name, _, compute, _, most, mib = self.rows[profile]
        return SimpleNamespace(
            id=number,
            name=f"MIG {name}",
            sliceCount=compute,
            instanceCount=most,
            memorySizeMB=mib,
            multiprocessorCount=14 * compute,
        )

    def nvmlDeviceGetGpuInstancePossiblePlacements(
        self, device: str, profileId: int, placementsRef: Any, countRef: Any
    ) -> int:
        self._state("nvmlDeviceGetGpuInstancePossiblePlacements")
        row = self._row(profileId)
        if placementsRef is not None:
            for index, start in enumerate(row[4]):
                placementsRef[index] = Placement(start, row[2])
        countRef._obj.value = len(row[4])
        return 0

    def nvmlDeviceGetGpuInstances(
        self, device: str, profileId: int, gpuInstancesRef: Any, countRef: Any
    ) -> int:
        state = self._state("nvmlDeviceGetGpuInstances")
        self._row(profileId)
        found = [int(n) for n, i in state["instances"].items() if i["profile"] == profileId]
        if len(found) > len(gpuInstancesRef):
            raise NVMLError(NVML_ERROR_INSUFFICIENT_SIZE)
        for index, number in enumerate(found):
            gpuInstancesRef[index] = number
        countRef._obj.value = len(found)
        return 0

    def nvmlDeviceCreateGpuInstanceWithPlacement(
        self, device: str, profileId: int, placement: Placement
    ) -> int:
        function = "nvmlDeviceCreateGpuInstanceWithPlacement"
        state = self._state(function, changes=True)
        if placement.start not in self._row(profileId)[4]:
            raise NVMLError(nvml.NVML_ERROR_INVALID_ARGUMENT)
        if not self.fits(state, profileId, placement.start):
            raise NVMLError(NVML_ERROR_INSUFFICIENT_RESOURCES)
        taken = state["instances"]
        number = next(n for n in itertools.count(1) if str(n) not in taken)
        made = {"profile": profileId, "start": placement.start, "compute": [], "uuid": None}
        state["instances"][str(number)] = made
        self._change(state, function)
        return number

    def nvmlGpuInstanceGetInfo(self, gpuInstance: int) -> Any:
        found = self._instance(self._state("nvmlGpuInstanceGetInfo"), gpuInstance)
        size = self.by_id[found["profile"]][2]
        placement = Placement(found["start"], size)
        return SimpleNamespace(id=gpuInstance, profileId=found["profile"], placement=placement)

    def nvmlGpuInstanceDestroy(self, gpuInstance: int) -> int:
        state = self._state("nvmlGpuInstanceDestroy", changes=True)
        if self._instance(state, gpuInstance)["compute"]:
            raise NVMLError(NVML_ERROR_IN_USE)
        del state["instances"][str(gpuInstance)]
        self._change(state, "nvmlGpuInstanceDestroy")
        return 0

    def nvmlGpuInstanceGetComputeInstanceProfileInfo(
        self, device: int, profile: int, engProfile: int, version: int = 2
    ) -> Any:
        found = self._instance(self._state("nvmlGpuInstanceGetInfo"), device)
        most = self.by_id[found["profile"]][3]
        if _COMPUTE_SLICES.get(profile, 99) > most:
            raise NVMLError(nvml.NVML_ERROR_NOT_SUPPORTED)
        return SimpleNamespace(id=profile, instanceCount=most // _COMPUTE_SLICES[profile])

    def nvmlGpuInstanceCreateComputeInstance(self, gpuInstance: int, profileId: int) -> int:
        function = "nvmlGpuInstanceCreateComputeInstance"
        state = self._state(function, changes=True)
        found = self._instance(state, gpuInstance)
        if found["compute"]:
            raise NVMLError(NVML_ERROR_INSUFFICIENT_RESOURCES)
        found["compute"] = [profileId]
        found["uuid"] = f"MIG-00000000-0000-5000-8000-{gpuInstance:012d}"
        self._change(state, function)
        return gpuInstance << 8

    def nvmlGpuInstanceGetComputeInstances(
        self, gpuInstance: int, profileId: int, computeInstancesRef: Any, countRef: Any
    ) -> int:
        found = self._instance(self._state("nvmlGpuInstanceGetComputeInstances"), gpuInstance)
        there = profileId in found["compute"]
        if there:
            computeInstancesRef[0] = gpuInstance << 8
        countRef._obj.value = int(there)
        return 0

    def nvmlComputeInstanceDestroy(self, computeInstance: int) -> int:
        state = self._state("nvmlComputeInstanceDestroy", changes=True)
        found = self._instance(state, computeInstance >> 8)
        if state["processes"].get(found["uuid"]):
            raise NVMLError(NVML_ERROR_IN_USE)
        found["compute"], found["uuid"] = [], None
        self._change(state, "nvmlComputeInstanceDestroy")
        return 0

    def nvmlDeviceGetMaxMigDeviceCount(self, device: str) -> int:
        return self.compute_slices

    def nvmlDeviceGetMigDeviceHandleByIndex(self, device: str, index: int) -> tuple[int, str]:
        state = self._state("nvmlDeviceGetMigDeviceHandleByIndex")
        found = [(int(n), i["uuid"]) for n, i in state["instances"].items() if i["uuid"]]
        if index >= len(found):
            raise NVMLError(nvml.NVML_ERROR_NOT_FOUND)
        return found[index]

    def nvmlDeviceGetGpuInstanceId(self, device: tuple[int, str]) -> int:
        return device[0]

    def nvmlDeviceGetGpuInstanceById(self, device: str, gpuInstanceId: int) -> int:
        self._instance(self._state("nvmlDeviceGetGpuInstanceById"), gpuInstanceId)
        return gpuInstanceId

    def nvmlDeviceGetUUID(self, handle: tuple[int, str]) -> str:
        return handle[1]

    def nvmlDeviceGetComputeRunningProcesses(self, handle: tuple[int, str]) -> list[Any]:
        state = self._state("nvmlDeviceGetComputeRunningProcesses")
        return [SimpleNamespace(pid=pid) for pid in state["processes"].get(handle[1], [])]

    def _instance(self, state: dict[str, Any], number: int) -> dict[str, Any]:
        found = state["instances"].get(str(number))
        if found is None:
            raise NVMLError(nvml.NVML_ERROR_NOT_FOUND)
        return found
