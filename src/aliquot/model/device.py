"""A device: a physical GPU, or a software GPU that stands in for one.

Named tuples and not dataclasses: `aliquot run` imports this, and dataclasses cost 15 ms.
"""

from __future__ import annotations

from typing import Any, NamedTuple

SOFTWARE = "software"
GPU = "gpu"
ACCELERATOR = "accelerator"
CUSTOM = "custom"
# cl_device_type by the words of --device-type; 0 leaves the driver's own.
DEVICE_TYPES = {"cpu": 1 << 1, "gpu": 1 << 2, "accelerator": 1 << 3}


class Device(NamedTuple):
    """One device that an OpenCL driver offers. Memory is in bytes.

    `pci_address` is as sysfs writes it; None for a software device, and where the driver is silent.
    `variables` are what the driver must be told so that it sees this partition and nothing else.
    """

    uuid: str
    name: str
    types: list[str]
    vendor: str
    version: str
    driver_version: str
    platform: str
    platform_version: str
    library: str
    platform_index: int
    device_index: int
    compute_units: int
    clock_mhz: int
    global_memory: int
    max_allocation: int
    unified_memory: bool
    extensions: list[str]
    pci_address: str | None = None
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def kind(self) -> str:
        """gpu, accelerator, custom, or software for a driver that computes on the CPU."""
        for kind in (GPU, ACCELERATOR, CUSTOM):
            if kind in self.types:
                return kind
        return SOFTWARE

    @property
    def other_names(self) -> tuple[str, ...]:
        """What besides the UUID names it and nothing else."""
        return (self.pci_address,) if self.pci_address else ()

    def as_dict(self) -> dict[str, Any]:
        """The device for `--json`."""
        told = {name: value for name, value in self._asdict().items() if name != "variables"}
        return {**told, "kind": self.kind}
