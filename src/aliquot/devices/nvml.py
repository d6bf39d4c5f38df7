"""Source: NVIDIA's GPUs by NVML, through the package nvidia-ml-py.

The package is optional and imported when asked for: where it, the driver or a card is missing, this
source sees nothing and says why. Every call may fail by itself ("not supported", "GPU is lost"):
then what it would have told is unknown. Tested on a stand-in with the package's signatures and
errors, not on hardware.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

from aliquot.devices import architectures, nvml_mig
from aliquot.devices.nvml_calls import NvmlCalls
from aliquot.devices.pci import normal_address
from aliquot.devices.source import Listing, PeerLink, Sighting
from aliquot.model.physical_device import Clocks, LinkKind, PhysicalDevice
from aliquot.model.telemetry import Telemetry

_MOST_DEVICES = 256
_MOST_LINKS = 36  # NVML_NVLINK_MAX_LINKS
MISSING = "the package nvidia-ml-py is not installed: pip install 'aliquot[nvidia]'"


def import_library() -> Any:
    """The package's module; raises ImportError."""
    return importlib.import_module("pynvml")


class NvmlSource:
    """NVIDIA's GPUs as NVML shows them. Stays initialized until `close`."""

    name = "nvml"

    def __init__(self, load: Callable[[], Any] = import_library) -> None:
        """Use the library that `load` gives; it is loaded with the first question."""
        self._load = load
        self._calls: NvmlCalls | None = None
        self._handles: dict[str, Any] = {}

    def list_devices(self) -> Listing:
        """All GPUs, those included that NVML knew before and calls lost now."""
        calls, problem = self._open()
        if calls is None:
            return Listing([], problem)
        count = calls.ask("nvmlDeviceGetCount")
        if count is None:
            # The driver was unloaded or changed under us: start afresh next time.
            self.close()
            return Listing([], calls.last_error)
        found: list[Sighting] = []
        problems: list[str] = []
        for index in range(min(count, _MOST_DEVICES)):
            handle = calls.ask("nvmlDeviceGetHandleByIndex", index)
            address = _address(calls, handle) if handle is not None else None
            if handle is None or address is None:
                problems.append(f"GPU {index} of NVML: {calls.last_error}")
                continue
            self._handles[address] = handle
            found.append(_sighting(self.name, calls, handle, address))
        seen = {sighting.pci_address for sighting in found}
        for address, handle in self._handles.items():
            if address not in seen and (fault := calls.fault_of(handle)):
                found.append(Sighting(source=self.name, pci_address=address, fault=fault))
        return Listing(found, "; ".join(problems) or None)

    def telemetry(self, device: PhysicalDevice) -> Telemetry | None:
        """What NVML measures; only the fault where the GPU is lost."""
        calls, _ = self._open()
        handle = self._handles.get(device.pci_address or "")
        if calls is None or handle is None:
            return None
        if fault := calls.fault_of(handle):
            return Telemetry(time=time.time(), sources=(self.name,), fault=fault)
        use = calls.ask("nvmlDeviceGetUtilizationRates", handle)
        memory = calls.ask("nvmlDeviceGetMemoryInfo", handle)
        encoder = calls.ask("nvmlDeviceGetEncoderUtilization", handle)
        decoder = calls.ask("nvmlDeviceGetDecoderUtilization", handle)
        energy = calls.ask("nvmlDeviceGetTotalEnergyConsumption", handle)
        library = calls.library
        return Telemetry(
            time=time.time(),
            sources=(self.name,),
            use=float(use.gpu) if use else None,
            memory_bus_use=float(use.memory) if use else None,
            encoder_use=float(encoder[0]) if encoder else None,
            decoder_use=float(decoder[0]) if decoder else None,
            memory_used=int(memory.used) if memory else None,
            memory_total=int(memory.total) if memory else None,
            power_watts=_thousandths(calls.ask("nvmlDeviceGetPowerUsage", handle)),
            power_limit_watts=_thousandths(calls.ask("nvmlDeviceGetEnforcedPowerLimit", handle)),
            energy_joules=_thousandths(energy),
            temperature=calls.ask(
                "nvmlDeviceGetTemperature", handle, library.NVML_TEMPERATURE_GPU, give=float
            ),
            core_mhz=calls.ask("nvmlDeviceGetClockInfo", handle, library.NVML_CLOCK_SM),
            memory_mhz=calls.ask("nvmlDeviceGetClockInfo", handle, library.NVML_CLOCK_MEM),
            corrected_errors=_errors(calls, handle, library.NVML_MEMORY_ERROR_TYPE_CORRECTED),
            uncorrected_errors=_errors(calls, handle, library.NVML_MEMORY_ERROR_TYPE_UNCORRECTED),
            pcie_replays=calls.ask("nvmlDeviceGetPcieReplayCounter", handle),
        )

    def close(self) -> None:
        """Let go of the driver; the next question begins anew."""
        if self._calls is not None:
            self._calls.ask("nvmlShutdown")
        self._calls = None
        self._handles.clear()

    def _open(self) -> tuple[NvmlCalls | None, str | None]:
        if self._calls is not None:
            return self._calls, None
        try:
            library = self._load()
        except ImportError:
            return None, MISSING
        calls = NvmlCalls(library)
        if not calls.succeeds("nvmlInit"):
            return None, f"NVML: {calls.last_error}"
        self._calls = calls
        return calls, None


def _sighting(source: str, calls: NvmlCalls, handle: Any, address: str) -> Sighting:
    library = calls.library
    memory = calls.ask("nvmlDeviceGetMemoryInfo", handle)
    capability = calls.ask("nvmlDeviceGetCudaComputeCapability", handle)
    cores = calls.ask("nvmlDeviceGetNumGpuCores", handle)
    uuid = calls.ask("nvmlDeviceGetUUID", handle, give=str)
    mig, types, partitions = nvml_mig.read(calls, handle)
    return Sighting(
        source=source,
        pci_address=address,
        hardware_uuid=uuid.removeprefix("GPU-") if uuid else None,
        vendor_uuid=uuid,
        name=calls.ask("nvmlDeviceGetName", handle, give=str),
        vendor="NVIDIA",
        kind="gpu",
        architecture=architectures.of_compute_capability(*capability) if capability else None,
        compute_units=(
            architectures.multiprocessors(cores, *capability) if cores and capability else None
        ),
        clocks=Clocks(
            core_mhz=calls.ask("nvmlDeviceGetMaxClockInfo", handle, library.NVML_CLOCK_SM),
            memory_mhz=calls.ask("nvmlDeviceGetMaxClockInfo", handle, library.NVML_CLOCK_MEM),
        ),
        memory=int(memory.total) if memory else None,
        links=_links(calls, handle),
        partition_types=types,
        partitions=partitions,
        verdicts=(mig,),
        fault=calls.fault_of(handle),
    )


def _links(calls: NvmlCalls, handle: Any) -> tuple[PeerLink, ...]:
    """NVLinks, counted by peer. Where they lead to a switch, the peer is the switch."""
    counts: dict[str, int] = {}
    for link in range(_MOST_LINKS):
        state = calls.ask("nvmlDeviceGetNvLinkState", handle, link)
        if state is None:
            break  # no such link, or none at all
        if state != calls.library.NVML_FEATURE_ENABLED:
            continue
        remote = calls.ask("nvmlDeviceGetNvLinkRemotePciInfo", handle, link)
        peer = normal_address(str(remote.busId)) if remote else None
        if peer is not None:
            counts[peer] = counts.get(peer, 0) + 1
    return tuple(
        PeerLink(kind=LinkKind.NVLINK, peer=peer, count=count) for peer, count in counts.items()
    )


def _address(calls: NvmlCalls, handle: Any) -> str | None:
    pci = calls.ask("nvmlDeviceGetPciInfo_v3", handle)
    return normal_address(str(pci.busId)) if pci is not None else None


def _errors(calls: NvmlCalls, handle: Any, kind: int) -> int | None:
    return calls.ask("nvmlDeviceGetTotalEccErrors", handle, kind, calls.library.NVML_VOLATILE_ECC)


def _thousandths(number: int | None) -> float | None:
    return None if number is None else number / 1000
