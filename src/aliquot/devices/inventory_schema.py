"""What an inventory file may say: nodes with simulated devices, their links, partitions and vGPUs.

A key that isn't here is an error. docs/cli.md shows a whole file. Sizes are written as everywhere,
like 80GiB; shares are percent.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from aliquot.devices.synthetic_load import Shape
from aliquot.model.modes import Mode
from aliquot.model.physical_device import Distance, LinkKind

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Size = Text | int
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Index = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Number = Annotated[float, msgspec.Meta(ge=0, le=100_000)]
Degrees = Annotated[float, msgspec.Meta(ge=-100, le=1000)]
Address = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-1][0-9a-f]\.[0-7]$")]
_MOST = 4096


class _Part(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A mapping in which an unknown key is an error."""


class LoadPart(_Part, frozen=True, kw_only=True):
    """A synthetic load; see aliquot.devices.synthetic_load."""

    use: Percent
    swing: Percent = 0.0
    period: Text = "60s"
    shape: Shape = Shape.SINE
    memory: Size | None = None
    power: tuple[Number, Number] | None = None
    temperature: tuple[Degrees, Degrees] | None = None


class PartitionTypePart(_Part, frozen=True, kw_only=True):
    """A kind of partition that the device offers."""

    mode: Literal["mig", "mdev", "sriov"]
    id: Text
    name: Text | None = None
    most: Count | None = None
    memory: Size | None = None
    compute_units: Count | None = None


class PartitionPart(_Part, frozen=True, kw_only=True):
    """A partition that the device has."""

    mode: Literal["mig", "mdev", "sriov"]
    id: Text
    type: Text | None = None
    memory: Size | None = None


class VgpuPart(_Part, frozen=True, kw_only=True):
    """A vGPU on the device; `compute`, `compute_limit` and `weight` as `aliquot run` takes them."""

    name: Name
    memory: Size
    mode: Mode = Mode.REMOTING
    compute: Percent | None = None
    compute_limit: Percent | None = None
    weight: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    priority: Literal["latency", "normal", "batch"] = "normal"
    tenant: Name | None = None


class MemberPart(_Part, frozen=True, kw_only=True):
    """Another function in the device's IOMMU group."""

    pci_address: Address
    what: Text
    driver: Text | None = None


class DevicePart(_Part, frozen=True, kw_only=True):
    """A simulated device; `count` makes several alike, whose ids end in -0, -1 and so on.

    With `driver`, the kernel's, what hardware can do follows from the facts as of a real device,
    and `modes` decides on remoting and mig alone; `mig: off` is a GPU whose MIG is switched off.
    """

    id: Name
    name: Text
    count: Annotated[int, msgspec.Meta(ge=1, le=_MOST)] = 1
    uuid: Text | None = None
    vendor: Text | None = None
    architecture: Text | None = None
    compute_units: Count | None = None
    core_mhz: Count | None = None
    memory_mhz: Count | None = None
    memory: Size
    pci_address: Address | None = None
    numa_node: Index | None = None
    iommu_group: Index | None = None
    iommu_members: tuple[MemberPart, ...] = ()
    driver: Text | None = None
    boot_display: bool = False
    most_virtual_functions: Count | None = None
    mig: Literal["on", "off"] = "on"
    modes: tuple[Mode, ...] = (Mode.REMOTING,)
    partition_types: tuple[PartitionTypePart, ...] = ()
    partitions: tuple[PartitionPart, ...] = ()
    vgpus: tuple[VgpuPart, ...] = ()
    load: LoadPart | None = None


class LinkPart(_Part, frozen=True, kw_only=True):
    """A link between two devices of the node; for NVLink, `count` of them; for PCIe, how far."""

    between: tuple[Name, Name]
    kind: LinkKind
    count: Count | None = None
    distance: Distance | None = None


class NodePart(_Part, frozen=True, kw_only=True):
    """A simulated machine."""

    name: Name
    devices: Annotated[tuple[DevicePart, ...], msgspec.Meta(min_length=1, max_length=_MOST)]
    links: tuple[LinkPart, ...] = ()


class InventoryFile(_Part, frozen=True, kw_only=True):
    """The whole file."""

    version: Literal[1]
    nodes: Annotated[tuple[NodePart, ...], msgspec.Meta(min_length=1, max_length=_MOST)]
