"""AMD's compute nodes as the kernel's KFD lists them: processor, compute units, XGMI links.

Formats: drivers/gpu/drm/amd/amdkfd/kfd_topology.c; link types in kfd_crat.h.
"""

from __future__ import annotations

from typing import NamedTuple

from aliquot.devices.architectures import gfx_of_target_version
from aliquot.devices.sysfs import Sysfs, keyed_numbers

_NODES = "class/kfd/kfd/topology/nodes"
_XGMI = 11


class KfdNode(NamedTuple):
    """A GPU in the KFD's topology."""

    gfx: str | None
    compute_units: int | None
    core_mhz: int | None
    xgmi_peers: tuple[str, ...] = ()


def kfd_nodes(sysfs: Sysfs) -> dict[str, KfdNode]:
    """The GPUs by PCI address; of one that is split into several nodes, the first."""
    properties = {
        name: keyed_numbers(sysfs.text(_NODES, name, "properties"))
        for name in sysfs.names(_NODES)
        if name.isascii() and name.isdigit()
    }
    addresses = {name: _address(told) for name, told in properties.items()}
    found: dict[str, KfdNode] = {}
    for name, told in sorted(properties.items(), key=lambda item: int(item[0])):
        address = addresses[name]
        if address is None or address in found:
            continue
        per_unit = told.get("simd_per_cu", 0)
        units = told.get("simd_count", 0) // per_unit if per_unit > 0 else 0
        core = told.get("max_engine_clk_fcompute", 0)
        found[address] = KfdNode(
            gfx=gfx_of_target_version(told.get("gfx_target_version", 0)),
            compute_units=units if units > 0 else None,
            core_mhz=core if core > 0 else None,
            xgmi_peers=_xgmi_peers(sysfs, name, addresses),
        )
    return found


def _address(told: dict[str, int]) -> str | None:
    """None for a processor, which has no SIMDs of a GPU."""
    location, domain = told.get("location_id", -1), told.get("domain", 0)
    if told.get("simd_count", 0) <= 0 or not 0 <= location <= 0xFFFF or not 0 <= domain < 2**32:
        return None
    return f"{domain:04x}:{location >> 8:02x}:{location >> 3 & 31:02x}.{location & 7}"


def _xgmi_peers(sysfs: Sysfs, node: str, addresses: dict[str, str | None]) -> tuple[str, ...]:
    peers: list[str] = []
    for link in sysfs.names(_NODES, node, "io_links"):
        told = keyed_numbers(sysfs.text(_NODES, node, "io_links", link, "properties"))
        peer = addresses.get(str(told.get("node_to")))
        if told.get("type") == _XGMI and peer is not None:
            peers.append(peer)
    return tuple(peers)
