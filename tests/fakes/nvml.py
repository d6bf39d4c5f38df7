# ruff: noqa: A002, N802, N803 (the names are the package's)
"""A stand-in for the module pynvml of nvidia-ml-py: the functions that we call, their signatures,
their answers' fields, their errors. Where the real package is installed, a test compares the two.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

NVML_ERROR_UNINITIALIZED = 1
NVML_ERROR_INVALID_ARGUMENT = 2
NVML_ERROR_NOT_SUPPORTED = 3
NVML_ERROR_NOT_FOUND = 6
NVML_ERROR_DRIVER_NOT_LOADED = 9
NVML_ERROR_LIBRARY_NOT_FOUND = 12
NVML_ERROR_FUNCTION_NOT_FOUND = 13
NVML_ERROR_GPU_IS_LOST = 15
NVML_ERROR_RESET_REQUIRED = 16
NVML_ERROR_UNKNOWN = 999
NVML_TEMPERATURE_GPU = 0
NVML_CLOCK_SM = 1
NVML_CLOCK_MEM = 2
NVML_MEMORY_ERROR_TYPE_CORRECTED = 0
NVML_MEMORY_ERROR_TYPE_UNCORRECTED = 1
NVML_VOLATILE_ECC = 0
NVML_FEATURE_ENABLED = 1
NVML_DEVICE_MIG_ENABLE = 1
NVML_GPU_INSTANCE_PROFILE_COUNT = 18

_TEXTS = {
    NVML_ERROR_UNINITIALIZED: "Uninitialized",
    NVML_ERROR_INVALID_ARGUMENT: "Invalid Argument",
    NVML_ERROR_NOT_SUPPORTED: "Not Supported",
    NVML_ERROR_NOT_FOUND: "Not Found",
    NVML_ERROR_DRIVER_NOT_LOADED: "Driver Not Loaded",
    NVML_ERROR_LIBRARY_NOT_FOUND: "NVML Shared Library Not Found",
    NVML_ERROR_FUNCTION_NOT_FOUND: "Function Not Found",
    NVML_ERROR_GPU_IS_LOST: "GPU is lost",
    NVML_ERROR_RESET_REQUIRED: "GPU requires restart",
    NVML_ERROR_UNKNOWN: "Unknown Error",
}


class NVMLError(Exception):
    """As the package's: `value` is NVML's code."""

    def __init__(self, value: int) -> None:
        super().__init__()
        self.value = value

    def __str__(self) -> str:
        return _TEXTS.get(self.value, f"NVML Error with code {self.value}")


def a100(address: str = "00000000:41:00.0", number: int = 1, **changes: Any) -> dict[str, Any]:
    """What an A100 80 GB answers, by the name of the function; None is "Not Supported"."""
    return {
        "nvmlDeviceGetName": "NVIDIA A100-SXM4-80GB",
        "nvmlDeviceGetUUID": f"GPU-00000000-1111-4222-8333-{number:012d}",
        "nvmlDeviceGetPciInfo_v3": SimpleNamespace(busId=address.upper()),
        "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=80 << 30, used=2 << 30, free=78 << 30),
        "nvmlDeviceGetCudaComputeCapability": (8, 0),
        "nvmlDeviceGetNumGpuCores": 6912,
        "nvmlDeviceGetMaxClockInfo": {NVML_CLOCK_SM: 1410, NVML_CLOCK_MEM: 1593},
        "nvmlDeviceGetClockInfo": {NVML_CLOCK_SM: 1155, NVML_CLOCK_MEM: 1593},
        "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=63, memory=20),
        "nvmlDeviceGetEncoderUtilization": None,
        "nvmlDeviceGetDecoderUtilization": [5, 167000],
        "nvmlDeviceGetPowerUsage": 251_500,
        "nvmlDeviceGetEnforcedPowerLimit": 400_000,
        "nvmlDeviceGetTotalEnergyConsumption": 123_456_000,
        "nvmlDeviceGetTemperature": {NVML_TEMPERATURE_GPU: 48},
        "nvmlDeviceGetTotalEccErrors": {
            NVML_MEMORY_ERROR_TYPE_CORRECTED: 2,
            NVML_MEMORY_ERROR_TYPE_UNCORRECTED: 0,
        },
        "nvmlDeviceGetPcieReplayCounter": 1,
        "nvmlDeviceGetMigMode": [1, 1],
        "profiles": {
            0: profile(19, "MIG 1g.10gb", 7, 14, 9728),
            2: profile(9, "MIG 3g.40gb", 2, 42, 40192),
            4: profile(0, "MIG 7g.80gb", 1, 98, 81152),
        },
        "nvmlDeviceGetGpuInstanceRemainingCapacity": {19: 5, 9: 1, 0: 0},
        "nvmlDeviceGetMaxMigDeviceCount": 7,
        "instances": {
            1: {
                "nvmlDeviceGetUUID": f"MIG-5c6b3a00-0000-5000-8000-{number:012d}",
                "nvmlDeviceGetName": "NVIDIA A100-SXM4-80GB MIG 1g.10gb",
                "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=9728 << 20, used=0, free=0),
            }
        },
        "links": {},
        **changes,
    }


def profile(number: int, name: str, count: int, units: int, mib: int) -> SimpleNamespace:
    """What NVML tells of the profile of a GPU instance."""
    return SimpleNamespace(
        id=number,
        name=name,
        sliceCount=1,
        instanceCount=count,
        multiprocessorCount=units,
        memorySizeMB=mib,
    )


class FakeNvml:
    """The module. `gpus` may be changed while it is in use; `failing` are codes by function."""

    NVMLError = NVMLError

    def __init__(self, *gpus: dict[str, Any]) -> None:
        self.gpus = list(gpus)
        self.failing: dict[str, int] = {}
        self.started = 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith("NVML_"):
            return globals()[name]
        raise AttributeError(f"module 'pynvml' has no attribute {name!r}")

    def _check(self, function: str, handle: dict[str, Any] | None = None) -> None:
        if function in self.failing:
            raise NVMLError(self.failing[function])
        if not self.started:
            raise NVMLError(NVML_ERROR_UNINITIALIZED)
        if handle is not None and "lost" in handle:
            raise NVMLError(handle["lost"])

    def _answer(self, function: str, handle: dict[str, Any], *keys: Any) -> Any:
        self._check(function, handle)
        answer = handle.get(function)
        if isinstance(answer, dict):
            answer = answer.get(keys[0])
        if answer is None:
            raise NVMLError(NVML_ERROR_NOT_SUPPORTED)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def nvmlInit(self) -> None:
        if "nvmlInit" in self.failing:
            raise NVMLError(self.failing["nvmlInit"])
        self.started += 1

    def nvmlShutdown(self) -> None:
        self._check("nvmlShutdown")
        self.started -= 1

    def nvmlDeviceGetCount(self) -> int:
        self._check("nvmlDeviceGetCount")
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> dict[str, Any]:
        self._check("nvmlDeviceGetHandleByIndex", self.gpus[index])
        return self.gpus[index]

    def nvmlDeviceGetName(self, handle: Any) -> str:
        return self._answer("nvmlDeviceGetName", handle)

    def nvmlDeviceGetUUID(self, handle: Any) -> str:
        return self._answer("nvmlDeviceGetUUID", handle)

    def nvmlDeviceGetPciInfo_v3(self, handle: Any) -> Any:
        return self._answer("nvmlDeviceGetPciInfo_v3", handle)

    def nvmlDeviceGetMemoryInfo(self, handle: Any, version: Any = None) -> Any:
        return self._answer("nvmlDeviceGetMemoryInfo", handle)

    def nvmlDeviceGetCudaComputeCapability(self, handle: Any) -> tuple[int, int]:
        return self._answer("nvmlDeviceGetCudaComputeCapability", handle)

    def nvmlDeviceGetNumGpuCores(self, device: Any) -> int:
        return self._answer("nvmlDeviceGetNumGpuCores", device)

    def nvmlDeviceGetMaxClockInfo(self, handle: Any, type: int) -> int:
        return self._answer("nvmlDeviceGetMaxClockInfo", handle, type)

    def nvmlDeviceGetClockInfo(self, handle: Any, type: int) -> int:
        return self._answer("nvmlDeviceGetClockInfo", handle, type)

    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> Any:
        return self._answer("nvmlDeviceGetUtilizationRates", handle)

    def nvmlDeviceGetEncoderUtilization(self, handle: Any) -> list[int]:
        return self._answer("nvmlDeviceGetEncoderUtilization", handle)

    def nvmlDeviceGetDecoderUtilization(self, handle: Any) -> list[int]:
        return self._answer("nvmlDeviceGetDecoderUtilization", handle)

    def nvmlDeviceGetPowerUsage(self, handle: Any) -> int:
        return self._answer("nvmlDeviceGetPowerUsage", handle)

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: Any) -> int:
        return self._answer("nvmlDeviceGetEnforcedPowerLimit", handle)

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: Any) -> int:
        return self._answer("nvmlDeviceGetTotalEnergyConsumption", handle)

    def nvmlDeviceGetTemperature(self, handle: Any, sensor: int) -> int:
        return self._answer("nvmlDeviceGetTemperature", handle, sensor)

    def nvmlDeviceGetTotalEccErrors(self, handle: Any, errorType: int, counterType: int) -> int:
        return self._answer("nvmlDeviceGetTotalEccErrors", handle, errorType)

    def nvmlDeviceGetPcieReplayCounter(self, handle: Any) -> int:
        return self._answer("nvmlDeviceGetPcieReplayCounter", handle)

    def nvmlDeviceGetMigMode(self, device: Any) -> list[int]:
        return self._answer("nvmlDeviceGetMigMode", device)

    def nvmlDeviceGetGpuInstanceProfileInfo(
        self, device: Any, profile: int, version: int = 2
    ) -> Any:
        self._check("nvmlDeviceGetGpuInstanceProfileInfo", device)
        if profile not in device.get("profiles", {}):
            raise NVMLError(NVML_ERROR_NOT_SUPPORTED)
        return device["profiles"][profile]

    def nvmlDeviceGetGpuInstanceRemainingCapacity(self, device: Any, profileId: int) -> int:
        return self._answer("nvmlDeviceGetGpuInstanceRemainingCapacity", device, profileId)

    def nvmlDeviceGetMaxMigDeviceCount(self, device: Any) -> int:
        return self._answer("nvmlDeviceGetMaxMigDeviceCount", device)

    def nvmlDeviceGetMigDeviceHandleByIndex(self, device: Any, index: int) -> Any:
        self._check("nvmlDeviceGetMigDeviceHandleByIndex", device)
        if index not in device.get("instances", {}):
            raise NVMLError(NVML_ERROR_NOT_FOUND)
        return device["instances"][index]

    def nvmlDeviceGetNvLinkState(self, device: Any, link: int) -> int:
        self._check("nvmlDeviceGetNvLinkState", device)
        if link not in device["links"]:
            raise NVMLError(NVML_ERROR_NOT_SUPPORTED)
        return 0 if device["links"][link] is None else 1

    def nvmlDeviceGetNvLinkRemotePciInfo(self, device: Any, link: int) -> Any:
        self._check("nvmlDeviceGetNvLinkRemotePciInfo", device)
        return SimpleNamespace(busId=device["links"][link])
