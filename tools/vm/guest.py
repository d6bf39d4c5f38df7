"""Runs a command in a throw-away guest VM, and tells what it said.

Software emulation: it works wherever a process may run, and stock kernels come up under it.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tools.vm import initramfs, kernel
from tools.vm.packages import Programs

_ROOT_MODULES = ("virtio_pci", "9p", "9pnet_virtio", "overlay")
# no_timer_check: emulated timers are late on a busy machine, at which the kernel would panic.
_ARGUMENTS = "console=ttyS0 quiet panic=-1 mitigations=off nokaslr no_timer_check iommu=pt"
_LINES_OF_CONSOLE = 30
_LOOK_SECONDS = 0.1


class Outcome(NamedTuple):
    """What came of it: `status` is None where the guest never got to the command's end."""

    status: int | None
    said: str
    seconds: float


def run(
    command: str,
    programs: Programs,
    *,
    devices: Sequence[str] = (),
    arguments: Sequence[str] = (),
    modules: Sequence[str] = (),
    memory_mib: int = 1536,
    seconds: float = 1800,
    kill_when: Callable[[str], bool] | None = None,
) -> Outcome:
    """Run a shell's command in a guest with an IOMMU and these devices, as QEMU's options.

    `arguments` are more of QEMU's. `kill_when` is asked ten times a second, with what the guest has
    said up to then, whether QEMU shall be killed as a crash would.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        console, told = folder / "console", folder / "told"
        files = kernel.modules(programs.modules, [*_ROOT_MODULES, *modules])
        initramfs.write(folder / "initramfs", command, programs.busybox, files)
        command_line = [
            *(str(programs.qemu), "-accel", "tcg,thread=multi", "-cpu", "max"),
            *(["-L", str(programs.data)] if programs.data else []),
            *("-machine", "q35,kernel-irqchip=split", "-m", str(memory_mib), "-nodefaults"),
            *("-display", "none", "-no-reboot"),
            *("-serial", f"file:{console}", "-serial", f"file:{told}"),
            *("-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap"),
            *("-device", "intel-iommu,intremap=on,caching-mode=on"),
            *("-device", "virtio-9p-pci,fsdev=host,mount_tag=host"),
            *("-kernel", str(programs.kernel), "-initrd", str(folder / "initramfs")),
            *("-append", f"{_ARGUMENTS} intel_iommu=on"),
            *(word for device in devices for word in ("-device", device)),
            *arguments,
        ]
        begun = time.monotonic()
        with open(folder / "trouble", "w+") as said_by_qemu:
            process = subprocess.Popen(
                command_line,
                stdin=subprocess.DEVNULL,
                stdout=said_by_qemu,
                stderr=said_by_qemu,
                env=programs.environment,
            )
            ended = _until_end(process, begun + seconds, lambda: _text(told), kill_when)
        trouble = _text(folder / "trouble")
        if not ended:
            trouble += f"it did not end within {seconds:g} s"
        took = time.monotonic() - begun
        said = _text(told)
        status = re.search(r"^@@status (\d+)$", said, re.MULTILINE)
        if status is None:
            last = "\n".join(_text(console).splitlines()[-_LINES_OF_CONSOLE:])
            said += f"\n[QEMU: {trouble.strip()}]\n[console]\n{last}\n"
        said = re.sub(r"^@@status.*\n?", "", said, flags=re.MULTILINE)
        return Outcome(int(status[1]) if status else None, said, took)


def _until_end(
    process: subprocess.Popen[bytes],
    deadline: float,
    said: Callable[[], str],
    kill_when: Callable[[str], bool] | None,
) -> bool:
    """Waits; ends it where it must be. False: time was up."""
    try:
        while process.poll() is None:
            if time.monotonic() > deadline:
                return False
            if kill_when is not None and kill_when(said()):
                return True
            time.sleep(_LOOK_SECONDS)
        return True
    finally:
        process.kill()
        process.wait()


def _text(path: Path) -> str:
    if not path.exists():
        return ""
    return path.read_text(errors="replace").replace("\r\n", "\n")
