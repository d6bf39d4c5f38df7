"""Source: AMD's GPUs by the sysfs of the amdgpu driver.

Formats: Linux's Documentation/gpu/amdgpu (driver-misc, thermal, ras) and, for the KFD,
drivers/gpu/drm/amd/amdkfd/kfd_topology.c. Tested on made-up trees, not on hardware.
"""

from __future__ import annotations

import re
import time

from aliquot.devices import architectures, pci_names
from aliquot.devices.hwmon import Hwmon
from aliquot.devices.identity import hardware_uuid
from aliquot.devices.kfd import KfdNode, kfd_nodes
from aliquot.devices.pci import display_functions, driver_of, vendor_of
from aliquot.devices.source import Listing, PeerLink, Sighting
from aliquot.devices.sysfs import PCI_DEVICES, Sysfs, keyed_numbers
from aliquot.model.physical_device import Architecture, Clocks, LinkKind, PhysicalDevice
from aliquot.model.telemetry import Telemetry

_DRIVER = "amdgpu"
_CLOCK = re.compile(r"[0-9]+: *([0-9]{1,6}) *mhz( *\*)?", re.ASCII | re.IGNORECASE)
_UNIQUE_ID = re.compile(r"[0-9a-f]{1,16}", re.ASCII | re.IGNORECASE)


class AmdgpuSource:
    """AMD's GPUs as the amdgpu driver shows them."""

    name = "amdgpu"

    def __init__(self, sysfs: Sysfs) -> None:
        """Read this sysfs."""
        self._sysfs = sysfs

    def list_devices(self) -> Listing:
        """The GPUs that are bound to amdgpu."""
        sysfs = self._sysfs
        bound = [
            address
            for address in display_functions(sysfs)
            if vendor_of(sysfs, address) == pci_names.AMD and driver_of(sysfs, address) == _DRIVER
        ]
        nodes = kfd_nodes(sysfs) if bound else {}
        hives = {address: _hive(sysfs, address) for address in bound}
        return Listing([self._sighting(address, nodes, hives) for address in bound])

    def telemetry(self, device: PhysicalDevice) -> Telemetry | None:
        """Use, memory, power, temperatures, clocks and errors; None without the driver."""
        address = device.pci_address
        if address is None or driver_of(self._sysfs, address) != _DRIVER:
            return None
        sysfs, here = self._sysfs, (PCI_DEVICES, address)
        hwmon = Hwmon(sysfs, address)
        corrected, uncorrected = _errors(sysfs, address)
        return Telemetry(
            time=time.time(),
            sources=(self.name,),
            use=_percent(sysfs.natural(*here, "gpu_busy_percent")),
            memory_bus_use=_percent(sysfs.natural(*here, "mem_busy_percent")),
            memory_used=sysfs.natural(*here, "mem_info_vram_used"),
            memory_total=sysfs.natural(*here, "mem_info_vram_total"),
            power_watts=hwmon.watts("power1_average", "power1_input"),
            power_limit_watts=hwmon.watts("power1_cap"),
            temperature=hwmon.degrees("edge", "junction"),
            memory_temperature=hwmon.degrees("mem"),
            core_mhz=_current_clock(sysfs.text(*here, "pp_dpm_sclk")) or hwmon.megahertz("sclk"),
            memory_mhz=_current_clock(sysfs.text(*here, "pp_dpm_mclk")) or hwmon.megahertz("mclk"),
            corrected_errors=corrected,
            uncorrected_errors=uncorrected,
            pcie_replays=sysfs.natural(*here, "pcie_replay_count"),
        )

    def _sighting(
        self, address: str, nodes: dict[str, KfdNode], hives: dict[str, str | None]
    ) -> Sighting:
        sysfs, here, node = self._sysfs, (PCI_DEVICES, address), nodes.get(address)
        unique = sysfs.text(*here, "unique_id")
        if unique is not None and (not _UNIQUE_ID.fullmatch(unique) or not int(unique, 16)):
            unique = None
        core = _highest_clock(sysfs.text(*here, "pp_dpm_sclk"))
        return Sighting(
            source=self.name,
            pci_address=address,
            hardware_uuid=hardware_uuid("amd", f"{int(unique, 16):016x}") if unique else None,
            vendor_uuid=unique,
            name=_name(sysfs.text(*here, "product_name")),
            vendor="AMD",
            kind="gpu",
            architecture=_architecture(sysfs, address, node),
            compute_units=node.compute_units if node else None,
            clocks=Clocks(
                core_mhz=core or (node.core_mhz if node else None),
                memory_mhz=_highest_clock(sysfs.text(*here, "pp_dpm_mclk")),
            ),
            memory=sysfs.natural(*here, "mem_info_vram_total") or None,
            links=_links(address, node, hives),
        )


def _name(product: str | None) -> str | None:
    """Many cards have no product name in their FRU; the file is there all the same."""
    if product is None:
        return None
    return product if product.upper().startswith("AMD") else f"AMD {product}"


def _architecture(sysfs: Sysfs, address: str, node: KfdNode | None) -> Architecture | None:
    if node is not None and node.gfx is not None:
        return architectures.of_gfx(node.gfx)
    block = (PCI_DEVICES, address, "ip_discovery/die/0/GC/0")
    version = [sysfs.natural(*block, part) for part in ("major", "minor", "revision")]
    if version[0] is None or version[1] is None or version[2] is None:
        return None
    return architectures.of_graphics_block(version[0], version[1], version[2])


def _links(
    address: str, node: KfdNode | None, hives: dict[str, str | None]
) -> tuple[PeerLink, ...]:
    """XGMI, as the KFD tells of each link, else to all of the same hive: a hive is fully joined."""
    peers = set(node.xgmi_peers) if node else set[str]()
    if not peers and hives[address] is not None:
        peers = {other for other, hive in hives.items() if hive == hives[address]}
    peers.discard(address)
    return tuple(PeerLink(kind=LinkKind.XGMI, peer=peer) for peer in sorted(peers))


def _hive(sysfs: Sysfs, address: str) -> str | None:
    hive = sysfs.text(PCI_DEVICES, address, "xgmi_hive_info/xgmi_hive_id")
    return None if hive in (None, "0") else hive


def _errors(sysfs: Sysfs, address: str) -> tuple[int | None, int | None]:
    """Corrected and uncorrected errors of all blocks that count them."""
    corrected: int | None = None
    uncorrected: int | None = None
    for name in sysfs.names(PCI_DEVICES, address, "ras"):
        if name.endswith("_err_count"):
            counts = keyed_numbers(sysfs.text(PCI_DEVICES, address, "ras", name), ":")
            if counts.get("ce", -1) >= 0:
                corrected = (corrected or 0) + counts["ce"]
            if counts.get("ue", -1) >= 0:
                uncorrected = (uncorrected or 0) + counts["ue"]
    return corrected, uncorrected


def _clocks(text: str | None) -> list[tuple[int, bool]]:
    matches = (_CLOCK.fullmatch(line.strip()) for line in (text or "").splitlines())
    return [(int(match.group(1)), bool(match.group(2))) for match in matches if match]


def _highest_clock(text: str | None) -> int | None:
    return max((mhz for mhz, _ in _clocks(text)), default=None)


def _current_clock(text: str | None) -> int | None:
    return next((mhz for mhz, current in _clocks(text) if current), None)


def _percent(number: int | None) -> float | None:
    return None if number is None or number > 100 else float(number)
