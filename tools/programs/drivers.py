"""The OpenCL drivers of this machine, and a program's view of exactly one of them."""

from __future__ import annotations

import ctypes.util
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Driver:
    """An OpenCL driver: a short name for people, and the library that loaders open."""

    name: str
    library: str

    def environment(self) -> dict[str, str]:
        """Variables with which each loader in use finds this driver alone.

        ocl-icd takes a library in the first variable; Khronos' loader ignores that, and takes
        the second. `aliquot run` reads both the same way.
        """
        return {"OCL_ICD_VENDORS": self.library, "OCL_ICD_FILENAMES": self.library}


def all_drivers() -> list[Driver]:
    """PoCL and the Intel CPU runtime, those of them that this machine has."""
    found: list[Driver] = []
    pocl = _pocl()
    if pocl:
        found.append(Driver("pocl", pocl))
    intel = Path(sys.prefix) / "lib" / "libintelocl.so"
    if intel.exists():
        found.append(Driver("intel", str(intel)))
    return found


def _pocl() -> str | None:
    """PoCL's library by its full path, so that no search path changes what is opened."""
    for icd in sorted(Path("/etc/OpenCL/vendors").glob("*pocl*.icd")):
        named = icd.read_text().strip()
        if named.startswith("/"):
            return named if Path(named).exists() else None
        for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"):
            if (Path(folder) / named).exists():
                return str(Path(folder) / named)
        if ctypes.util.find_library("pocl"):
            return named
    return None
