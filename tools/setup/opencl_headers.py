"""Finds the OpenCL headers (CL/cl.h and its kin), or gets them without root."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tools.setup import compiler, debian, icd_header
from tools.setup.report import VENV, SetupError, say

_FOLDER = VENV / "opencl-headers"
_NOTICE = b"Licensed under the Apache License, Version 2.0"


def ensure() -> None:
    """Makes sure that the compiler will find CL/cl.h; raises SetupError when it can't be had."""
    if _compiler_finds_them() or folder():
        return
    if debian.can_install():
        debian.install(["opencl-c-headers"])
        return
    if _from_debian_package():
        say("OpenCL headers: a copy of our own in .venv")
        return
    raise SetupError(
        "no OpenCL headers (CL/cl.h) found and Debian's package could not be downloaded; "
        "ask an administrator to run: apt-get install opencl-c-headers "
        "(elsewhere the package is called opencl-headers)"
    )


def folder() -> Path | None:
    """The folder that holds our own copy of CL/cl.h, or None."""
    return _FOLDER if (_FOLDER / "CL/cl.h").exists() else None


def _compiler_finds_them() -> bool:
    done = subprocess.run(
        [compiler.name(), "-x", "c++", "-fsyntax-only", "-DCL_TARGET_OPENCL_VERSION=300", "-"],
        input="#include <CL/cl.h>\n#include <CL/cl_icd.h>\n",
        text=True,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def _from_debian_package() -> bool:
    with tempfile.TemporaryDirectory() as scratch:
        if not debian.unpack("opencl-c-headers", Path(scratch)):
            return False
        return _keep(Path(scratch) / "usr/include/CL")


def _keep(source: Path) -> bool:
    """Copies those headers of `source` that bear the Apache-2.0 notice."""
    target = _FOLDER / "CL"
    target.mkdir(parents=True, exist_ok=True)
    for header in source.glob("*.h"):
        if _NOTICE in header.read_bytes():
            shutil.copy(header, target)
    if not (target / "cl.h").exists():
        return False
    icd_header.complete(target)
    return True
