"""The kernel's sample drivers of mediated devices, built for the kernel of the guest VM.

Debian packages their source, and they are built outside the kernel's tree, against its headers, as
Linux's Documentation/kbuild/modules.rst has it. Nothing is installed; what is kept is the modules.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tools.setup import debian
from tools.setup.report import SetupError, run, say

NAMES = ("mtty", "mdpy", "mbochs")
_FILES = ("Makefile", "mtty.c", "mdpy.c", "mdpy-defs.h", "mbochs.c")
_NEEDED = re.compile(r"\b(?:linux-headers|linux-kbuild|libelf)[^\s,]*")  # the last by objtool


def build(modules: Path) -> None:
    """Put them beside the kernel's own modules, unless they are there; raises SetupError."""
    target = modules / "extra"
    if all((target / f"{name}.ko").exists() for name in NAMES):
        return
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        _unpack(modules, place)
        source = _source(place)
        say(f"building {', '.join(NAMES)}")
        headers = place / f"usr/src/linux-headers-{modules.name}"
        makefile = headers / "Makefile"
        makefile.write_text(makefile.read_text().replace("/usr/src/", f"{place}/usr/src/"))
        chosen = (f"CONFIG_SAMPLE_VFIO_MDEV_{name.upper()}=m" for name in NAMES)
        libraries = f"{place}/usr/lib/x86_64-linux-gnu:{place}/lib/x86_64-linux-gnu"
        run(
            ["make", "-C", headers, f"M={source}", "CC=gcc", *chosen, "modules"],
            why="build the kernel's sample drivers",
            environment={**os.environ, "LD_LIBRARY_PATH": libraries},
        )
        target.mkdir(exist_ok=True)
        for name in NAMES:
            shutil.copyfile(source / f"{name}.ko", target / f"{name}.ko")


def _unpack(modules: Path, place: Path) -> None:
    """Headers, what compiles against them, and the source, of the version of the kernel."""
    headers = f"linux-headers-{modules.name}"
    series = ".".join(modules.name.split(".")[:2])
    version = _field(headers, "Version")
    needed = _NEEDED.findall(_field(headers, "Depends"))
    needed += _NEEDED.findall(_field(f"linux-kbuild-{series}", "Depends"))
    for name in (headers, *needed, f"linux-source-{series}={version}"):
        say(f"unpacking {name}, to build the kernel's sample drivers")
        if not debian.unpack(name, place):
            raise SetupError(
                f"Debian's package {name} can't be had; for a newer kernel than {modules.name} "
                f"remove {modules.parents[2]}"
            )


def _field(package: str, name: str) -> str:
    """What Debian's lists tell of a package; nothing where they don't."""
    told = subprocess.run(
        ["apt-cache", "show", "--no-all-versions", package],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    found = re.search(rf"^{name}: (.*)$", told, re.MULTILINE)
    return found[1] if found else ""


def _source(place: Path) -> Path:
    """The samples' folder, alone of all of the kernel."""
    packed = next(place.glob("usr/src/linux-source-*.tar.xz"))
    folder = f"{packed.name.removesuffix('.tar.xz')}/samples/vfio-mdev"
    files = [f"{folder}/{name}" for name in _FILES]
    # With the first occurrence tar need not read on to the end.
    run(
        ["tar", "-xJf", packed, "-C", place, "--occurrence=1", *files],
        why="unpack the kernel's samples",
    )
    return place / folder
