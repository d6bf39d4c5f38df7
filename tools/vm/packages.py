"""QEMU, BusyBox and a kernel: those of this machine, else Debian's packages, unpacked."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tools.setup import debian
from tools.setup.report import BUILD, SetupError, say
from tools.vm import kernel

FOLDER = BUILD / "vm"
_QEMU = "qemu-system-x86_64"
_INSTALLED = ("qemu-system-x86", "busybox-static")
_KERNELS = "linux-image-amd64"
# Without its services: a test starts libvirtd in the guest. What they need is found by apt.
_LIBVIRT = (
    "libvirt-daemon",
    "libvirt-daemon-driver-qemu",
    "libvirt-clients",
    "python3-libvirt",
)
_LIBVIRT_FILES = ("usr/sbin/libvirtd", "usr/lib/python3/dist-packages/libvirt.py")


class Programs(NamedTuple):
    """What a guest is made of; `environment` is for QEMU."""

    qemu: Path
    data: Path | None  # QEMU's own files, where they aren't in their usual place
    busybox: Path
    kernel: Path
    modules: Path
    environment: Mapping[str, str]


def programs(folder: Path = FOLDER) -> Programs:
    """Find them, or get them; raises SetupError."""
    qemu, busybox = _find(folder, f"usr/bin/{_QEMU}"), _find(folder, "bin/busybox")
    if (qemu is None or busybox is None) and debian.can_install():
        debian.install(_INSTALLED)
        qemu, busybox = _find(folder, f"usr/bin/{_QEMU}"), _find(folder, "bin/busybox")
    if qemu is None or busybox is None:
        raise SetupError(f"install them first: apt-get install {' '.join(_INSTALLED)}")
    modules = _kernel_package(folder)
    version = modules.name
    image = folder / f"boot/vmlinuz-{version}"
    elf = folder / f"vmlinux-{version}"
    if not elf.exists():
        kernel.unpacked(image, elf)
    own = qemu.is_relative_to(folder)
    libraries = f"{folder}/usr/lib/x86_64-linux-gnu:{folder}/lib/x86_64-linux-gnu"
    environment = {**os.environ, "LD_LIBRARY_PATH": libraries} if own else os.environ
    data = folder / "usr/share/qemu" if own else None
    return Programs(qemu, data, busybox, elf, modules, environment)


def libvirt(folder: Path = FOLDER) -> bool:
    """Whether libvirt had to be unpacked into the folder, or was before; never installed.

    Where it can't be had, the tests that need it say so and are skipped.
    """
    if all((folder / name).exists() for name in _LIBVIRT_FILES):
        return True
    if shutil.which("libvirtd") is not None:
        return False
    told = subprocess.run(
        ["apt-get", "install", "--simulate", "--no-install-recommends", *_LIBVIRT],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    names = [line.split()[1] for line in told.splitlines() if line.startswith("Inst ")]
    say(f"unpacking libvirt into {folder}")
    return bool(names) and all(debian.unpack(name, folder) for name in names)


def _find(folder: Path, name: str) -> Path | None:
    """In the folder where packages are unpacked, else on this machine."""
    if (folder / name).exists():
        return folder / name
    installed = shutil.which(Path(name).name)
    return Path(installed) if installed else None


def _kernel_package(folder: Path) -> Path:
    """The folder of the modules of Debian's newest kernel."""
    found = sorted(folder.glob("lib/modules/*"))
    if found:
        return found[-1]
    told = subprocess.run(
        ["apt-cache", "depends", _KERNELS], capture_output=True, text=True, check=False
    ).stdout
    names = [word for word in told.split() if word.startswith("linux-image-")]
    name = next((word for word in names if word != _KERNELS), None)
    say(f"unpacking {name or _KERNELS} into {folder}")
    if name is None or not debian.unpack(name, folder):
        raise SetupError(f"Debian's package {name or _KERNELS} can't be had")
    return sorted(folder.glob("lib/modules/*"))[-1]
