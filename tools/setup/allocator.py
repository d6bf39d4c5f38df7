"""mimalloc, by which workers allocate memory: drivers are quicker with it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tools.setup import debian
from tools.setup.report import VENV, say

# Debian 12 and 13, each with the name of its library.
_PACKAGES = {"libmimalloc2.0": "libmimalloc.so.2", "libmimalloc3": "libmimalloc.so.3"}
_SYSTEM = Path("/usr/lib")


def ensure() -> None:
    """Gets it where there is none: installed where root allows, else a copy in .venv."""
    if _is_there():
        return
    for package, library in _PACKAGES.items():
        if debian.can_install():
            if not debian.install_what_exists([package]):
                return
        elif _unpacked(package, library):
            say(f"{library}: a copy of our own in .venv")
            return
    say("mimalloc can't be had: workers use the C library's allocator, and launches are slower")


def _is_there() -> bool:
    folders = [VENV / "lib", Path("/usr/local/lib"), Path("/usr/lib64"), _SYSTEM]
    folders += _SYSTEM.glob("*-linux-gnu")
    return any((folder / name).exists() for folder in folders for name in _PACKAGES.values())


def _unpacked(package: str, library: str) -> bool:
    with tempfile.TemporaryDirectory() as scratch:
        if not debian.unpack(package, Path(scratch)):
            return False
        found = next(Path(scratch).glob(f"usr/lib/*/{library}"), None)
        if found is None:
            return False
        shutil.copy(found, VENV / "lib" / library)
        return True
