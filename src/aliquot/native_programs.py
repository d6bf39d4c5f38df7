"""Where the native programs are: in the installed package, or in a development build."""

from __future__ import annotations

import os

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
