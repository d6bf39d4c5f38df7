"""Compiles the small programs of tests/programs against the OpenCL loader of this machine."""

from __future__ import annotations

import ctypes.util
import subprocess
import sys
from pathlib import Path

from tools.programs import fetch
from tools.setup import opencl_headers
from tools.setup.report import ROOT

_SOURCES = ROOT / "tests" / "programs"


def compile_program(name: str, folder: Path) -> Path:
    """Compiles one program into `folder`; raises CalledProcessError with the compiler's words."""
    program = folder / name
    headers = opencl_headers.folder()
    command = ["cc", "-O1", "-g", "-Wall", "-Wextra", "-pthread", str(_SOURCES / f"{name}.c")]
    if headers:
        command += ["-I", str(headers)]
    if not ctypes.util.find_library("OpenCL"):
        # No loader is installed: one that we unpacked, or the one that came with Intel's driver.
        # DT_RPATH holds for the libraries that a library needs, too; DT_RUNPATH would not.
        command.append("-Wl,--disable-new-dtags")
        for place in (*fetch.library_path().split(":"), str(Path(sys.prefix) / "lib")):
            command += ["-L", place, f"-Wl,-rpath,{place}"]
    subprocess.run([*command, "-l:libOpenCL.so.1", "-ldl", "-o", str(program)], check=True)
    return program
