"""Finds an OpenCL driver, or gets a software GPU (an OpenCL driver for the CPU)."""

from __future__ import annotations

import platform
import sys

from tools.setup import debian, environment
from tools.setup.report import VENV, SetupError, say, succeeds

_COUNT_DEVICES = """
import pyopencl, sys
sys.exit(0 if any(platform.get_devices() for platform in pyopencl.get_platforms()) else 1)
"""


def ensure(*, for_tests: bool) -> None:
    """Makes sure that an OpenCL device exists; for tests, every software GPU that can be had."""
    on_x86 = platform.machine() == "x86_64"
    if for_tests:
        if debian.can_install():
            debian.install(["pocl-opencl-icd"])
        if on_x86:
            environment.install_extra("software-gpu")
        return
    if _in_environment() or succeeds([VENV / "bin/python", "-c", _COUNT_DEVICES]):
        return
    say("no OpenCL device on this machine; getting a software GPU")
    if on_x86:
        environment.install_extra("software-gpu")
    elif debian.can_install():
        debian.install(["pocl-opencl-icd"])
    else:
        raise SetupError(
            "no OpenCL driver found, and a software GPU for this processor comes from Debian only; "
            "ask an administrator to run: apt-get install pocl-opencl-icd"
        )


def _in_environment() -> bool:
    """Whether the software GPU from PyPI lies in .venv."""
    return sys.platform == "linux" and (VENV / "lib/libintelocl.so").exists()
