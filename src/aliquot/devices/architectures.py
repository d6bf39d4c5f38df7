"""Architectures by the ids that vendors give them. An id not here is `unknown`, with that id.

Sources, as of November 2026:
- NVIDIA: compute capabilities and cores an SM as in NVIDIA's page "CUDA GPU Compute Capability" and
  the CUDA C++ Programming Guide, chapter "Compute Capabilities".
- AMD: processors of LLVM's "User Guide for AMDGPU Backend"; the versions of graphics blocks (GC)
  that stand for them in Linux's drivers/gpu/drm/amd/amdgpu/amdgpu_discovery.c and amdkfd.
- Intel: PCI ids in Linux's include/drm/intel/pciids.h.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from aliquot.model.physical_device import UNKNOWN, Architecture

_GFX = re.compile(r"gfx([0-9]{1,2})([0-9a-f])([0-9a-f])", re.ASCII)


class _ComputeCapability(NamedTuple):
    name: str
    cores: int  # FP32 cores of one SM


_NVIDIA = {
    (3, 0): _ComputeCapability("Kepler", 192),
    (3, 2): _ComputeCapability("Kepler", 192),
    (3, 5): _ComputeCapability("Kepler", 192),
    (3, 7): _ComputeCapability("Kepler", 192),
    (5, 0): _ComputeCapability("Maxwell", 128),
    (5, 2): _ComputeCapability("Maxwell", 128),
    (5, 3): _ComputeCapability("Maxwell", 128),
    (6, 0): _ComputeCapability("Pascal", 64),
    (6, 1): _ComputeCapability("Pascal", 128),
    (6, 2): _ComputeCapability("Pascal", 128),
    (7, 0): _ComputeCapability("Volta", 64),
    (7, 2): _ComputeCapability("Volta", 64),
    (7, 5): _ComputeCapability("Turing", 64),
    (8, 0): _ComputeCapability("Ampere", 64),
    (8, 6): _ComputeCapability("Ampere", 128),
    (8, 7): _ComputeCapability("Ampere", 128),
    (8, 9): _ComputeCapability("Ada Lovelace", 128),
    (9, 0): _ComputeCapability("Hopper", 128),
    (10, 0): _ComputeCapability("Blackwell", 128),
    (10, 3): _ComputeCapability("Blackwell", 128),
    (11, 0): _ComputeCapability("Blackwell", 128),
    (12, 0): _ComputeCapability("Blackwell", 128),
    (12, 1): _ComputeCapability("Blackwell", 128),
}

# LLVM's processors by the longest prefix of their name.
_AMD_GFX = {
    "gfx6": "GCN 1",
    "gfx7": "GCN 2",
    "gfx801": "GCN 3",
    "gfx802": "GCN 3",
    "gfx803": "GCN 3 or 4",  # Fiji and Polaris share the id
    "gfx805": "GCN 3",
    "gfx810": "GCN 3",
    "gfx900": "GCN 5",
    "gfx902": "GCN 5",
    "gfx904": "GCN 5",
    "gfx906": "GCN 5",
    "gfx909": "GCN 5",
    "gfx90c": "GCN 5",
    "gfx908": "CDNA",
    "gfx90a": "CDNA 2",
    "gfx940": "CDNA 3",
    "gfx941": "CDNA 3",
    "gfx942": "CDNA 3",
    "gfx950": "CDNA 4",
    "gfx101": "RDNA",
    "gfx103": "RDNA 2",
    "gfx110": "RDNA 3",
    "gfx115": "RDNA 3.5",
    "gfx120": "RDNA 4",
}

# Versions of the graphics block, (major, minor, revision); a missing revision stands for all.
_AMD_GC: dict[tuple[int, ...], str] = {
    (9, 0): "GCN 5",
    (9, 1): "GCN 5",
    (9, 2): "GCN 5",
    (9, 3): "GCN 5",
    (9, 4, 0): "GCN 5",
    (9, 4, 1): "CDNA",
    (9, 4, 2): "CDNA 2",
    (9, 4, 3): "CDNA 3",
    (9, 4, 4): "CDNA 3",
    (9, 5): "CDNA 4",
    (10, 1): "RDNA",
    (10, 3): "RDNA 2",
    (11, 0): "RDNA 3",
    (11, 5): "RDNA 3.5",
    (12, 0): "RDNA 4",
}

# First and last PCI id of a range, and what all GPUs in between are.
_INTEL = (
    (0x0BD0, 0x0BDB, "Xe-HPC"),  # Ponte Vecchio
    (0x0B69, 0x0B6E, "Xe-HPC"),
    (0x1602, 0x163E, "Gen8"),  # Broadwell
    (0x22B0, 0x22B3, "Gen8"),  # Cherryview
    (0x1902, 0x193D, "Gen9"),  # Skylake
    (0x0A84, 0x0A84, "Gen9"),  # Broxton
    (0x1A84, 0x1A85, "Gen9"),
    (0x5A84, 0x5A85, "Gen9"),
    (0x3184, 0x3185, "Gen9"),  # Gemini Lake
    (0x5902, 0x593B, "Gen9"),  # Kaby Lake
    (0x87C0, 0x87CA, "Gen9"),
    (0x3E90, 0x3EA9, "Gen9"),  # Coffee and Whiskey Lake
    (0x9B21, 0x9BF6, "Gen9"),  # Comet Lake
    (0x8A50, 0x8A71, "Gen11"),  # Ice Lake
    (0x4541, 0x4571, "Gen11"),  # Elkhart Lake
    (0x4E51, 0x4E71, "Gen11"),  # Jasper Lake
    (0x9A40, 0x9AF8, "Xe-LP"),  # Tiger Lake
    (0x4C80, 0x4C9A, "Xe-LP"),  # Rocket Lake
    (0x4680, 0x4693, "Xe-LP"),  # Alder Lake S
    (0x46A0, 0x46D4, "Xe-LP"),  # Alder Lake P and N
    (0x4626, 0x462A, "Xe-LP"),
    (0xA780, 0xA78B, "Xe-LP"),  # Raptor Lake S
    (0xA720, 0xA7AD, "Xe-LP"),  # Raptor Lake P and U
    (0x4905, 0x4909, "Xe-LP"),  # DG1
    (0x5690, 0x5698, "Xe-HPG"),  # Arc A, mobile
    (0x56A0, 0x56A6, "Xe-HPG"),  # Arc A
    (0x56B0, 0x56B3, "Xe-HPG"),  # Arc Pro A
    (0x56BA, 0x56BF, "Xe-HPG"),
    (0x56C0, 0x56C2, "Xe-HPG"),  # Flex
    (0x7D40, 0x7D67, "Xe-LPG"),  # Meteor and Arrow Lake
    (0x7DD1, 0x7DD5, "Xe-LPG"),
    (0x6420, 0x6420, "Xe2-LPG"),  # Lunar Lake
    (0x64A0, 0x64B0, "Xe2-LPG"),
    (0xE202, 0xE223, "Xe2-HPG"),  # Battlemage
    (0xB080, 0xB0B0, "Xe3-LPG"),  # Panther Lake
)


def of_compute_capability(major: int, minor: int) -> Architecture:
    """NVIDIA's architecture of a CUDA compute capability."""
    known = _NVIDIA.get((major, minor))
    return Architecture(known.name if known else UNKNOWN, f"compute capability {major}.{minor}")


def multiprocessors(cores: int, major: int, minor: int) -> int | None:
    """How many SMs have so many FP32 cores; None where the capability isn't known or can't be."""
    known = _NVIDIA.get((major, minor))
    if known is None or cores <= 0 or cores % known.cores:
        return None
    return cores // known.cores


def of_gfx(processor: str) -> Architecture:
    """AMD's architecture of a processor as LLVM names it, like gfx942."""
    match = _GFX.match(processor)
    name = match.group() if match else processor
    for length in (len(name), len(name) - 1, len(name) - 2):
        if found := _AMD_GFX.get(name[:length]):
            return Architecture(found, name)
    return Architecture(UNKNOWN, name)


def gfx_of_target_version(version: int) -> str | None:
    """LLVM's name of what the kernel's KFD calls 90402: gfx942; None where it can't be one."""
    major, minor, step = version // 10_000, version // 100 % 100, version % 100
    if not 6 <= major <= 99 or minor > 15 or step > 15:
        return None
    return f"gfx{major}{minor:x}{step:x}"


def of_graphics_block(major: int, minor: int, revision: int) -> Architecture:
    """AMD's architecture of a graphics block's (GC) version."""
    name = _AMD_GC.get((major, minor, revision)) or _AMD_GC.get((major, minor)) or UNKNOWN
    return Architecture(name, f"GC {major}.{minor}.{revision}")


def of_intel_device(device_id: str) -> Architecture:
    """Intel's architecture of a PCI device id of four hexadecimal digits."""
    number = int(device_id, 16)
    name = next((name for first, last, name in _INTEL if first <= number <= last), UNKNOWN)
    return Architecture(name, f"PCI device 0x{device_id}")
