"""Where the native programs are: in the installed package, or in a development build."""

from __future__ import annotations

import os

from aliquot import environment
from aliquot.errors import MissingNativeProgram

WORKER = "aliquot-worker"
DEVICE_HOST = "aliquot-device"
GUEST_DRIVER = "libaliquot-opencl.so"
BENCHMARK = "aliquot-clbench"


def directory() -> str:
    """The directory that holds the native programs."""
    chosen = environment.NATIVE_DIR.get()
    if chosen:
        return os.path.abspath(chosen)
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "_native")


def find(name: str) -> str:
    """The absolute path of a native program or library; raises MissingNativeProgram."""
    path = os.path.join(directory(), name)
    if not os.path.isfile(path):
        raise MissingNativeProgram(f"{name} is not in {directory()}")
    if not name.endswith(".so") and not os.access(path, os.X_OK):
        raise MissingNativeProgram(f"{path} is not executable")
    return path
