"""Where the native programs are, installed or built, and the library that workers allocate by."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from aliquot import environment
from aliquot.errors import MissingNativeProgram

WORKER = "aliquot-worker"
DEVICE_HOST = "aliquot-device"
GUEST_DRIVER = "libaliquot-opencl.so"
PLACEMENT = "libaliquot-placement.so"
BENCHMARK = "aliquot-clbench"
FAIRNESS_TENANT = "aliquot-fairness-tenant"
VM_STREAM = "aliquot-vm-stream"
GUEST_VM_END = "aliquot-guest"

C_LIBRARY = "none"  # as the name of an allocator
ALLOCATORS = ("libmimalloc.so.2", "libmimalloc.so.3")
_FOLDERS = ("/usr/local/lib", "/usr/lib64", "/usr/lib")

_BUILD_FOLDERS = {
    WORKER: "worker",
    DEVICE_HOST: "device_host",
    GUEST_DRIVER: "guest",
    PLACEMENT: "placement",
    BENCHMARK: "bench",
    FAIRNESS_TENANT: "bench",
    VM_STREAM: "vm_stream",
    GUEST_VM_END: "vm_stream",
}


def directory() -> str:
    """The directory that holds the native programs."""
    chosen = environment.NATIVE_DIR.get()
    if chosen:
        return os.path.abspath(chosen)
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "_native")


def find(name: str) -> str:
    """The absolute path of a native program or library; raises MissingNativeProgram.

    A development build may also be named by its top: each part lies in a folder of its own there.
    """
    top = directory()
    for folder in ("", _BUILD_FOLDERS[name], os.path.join("native", _BUILD_FOLDERS[name])):
        path = os.path.join(top, folder, name)
        if os.path.isfile(path):
            if not name.endswith(".so") and not os.access(path, os.X_OK):
                raise MissingNativeProgram(f"{path} is not executable")
            return path
    raise MissingNativeProgram(f"{name} is not in {top}")


def find_allocator() -> str | None:
    """The library that allocates memory in workers: mimalloc, where this machine has it.

    None: workers keep the C library's allocator. ALIQUOT_ALLOCATOR names another one, or "none".
    docs/data-plane.md tells what it brings.
    """
    chosen = environment.ALLOCATOR.get()
    if chosen == C_LIBRARY:
        return None
    if chosen is not None:
        return os.path.abspath(chosen)
    return next((path for path in _allocators() if os.path.isfile(path)), None)


def _allocators() -> Iterator[str]:
    """Where it may be; first in .venv, where set-up puts it for who is not root."""
    ours = os.path.join(sys.prefix, "lib")
    for folder in (ours, f"/usr/lib/{os.uname().machine}-linux-gnu", *_FOLDERS):
        for name in ALLOCATORS:
            path = os.path.join(folder, name)
            if not set(path) & set(" :"):  # which the dynamic loader would take for several
                yield path
