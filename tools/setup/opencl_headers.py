"""Finds the OpenCL headers (CL/cl.h and its kin), or gets them without root."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from tools.setup import compiler, debian, icd_header
from tools.setup.report import VENV, SetupError, run, say

_FOLDER = VENV / "opencl-headers"
_NOTICE = b"Licensed under the Apache License, Version 2.0"
# This wheel carries the Khronos headers, which are Apache-2.0. Only they are taken from it:
# the library beside them has another licence and is neither installed nor linked.
_WHEEL = "nvidia-cuda-opencl"


def ensure() -> None:
    """Makes sure that the compiler will find CL/cl.h; raises SetupError when it can't be had."""
    if _compiler_finds_them() or folder():
        return
    if debian.can_install():
        debian.install(["opencl-c-headers"])
        return
    if _from_debian_package() or _from_wheel():
        say("OpenCL headers: a copy of our own in .venv")
        return
    raise SetupError(
        "no OpenCL headers (CL/cl.h) found and none could be downloaded; "
        "ask an administrator to run: apt-get install opencl-c-headers"
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


def _from_wheel() -> bool:
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        try:
            run(
                [VENV / "bin/pip", "download", "-q", "--no-deps", "-d", place, _WHEEL],
                why="download the OpenCL headers",
            )
        except SetupError:
            return False
        for wheel in place.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                names = [n for n in archive.namelist() if "/CL/" in n and n.endswith(".h")]
                archive.extractall(place, names)
        found = sorted(place.glob("**/CL/cl.h"))
        return bool(found) and _keep(found[0].parent)


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
