"""Writes CL/cl_icd.h, which some sets of OpenCL headers lack, from our own table of functions.

Of that header the native programs use the loader's dispatch table alone: a struct with one
function pointer a slot, in the order of spec/opencl/functions.toml. The generated code checks
every slot's place and type when it is compiled, so a wrong header cannot go unnoticed.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from tools.setup.report import ROOT

_HEAD = """\
// Made by tools/setup from spec/opencl/functions.toml: these OpenCL headers came without it.
#pragma once
#include <CL/cl.h>
#include <CL/cl_egl.h>
#include <CL/cl_ext.h>
#include <CL/cl_gl.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
typedef struct _cl_icd_dispatch {
"""
_FOOT = """\
} cl_icd_dispatch;
#pragma GCC diagnostic pop
"""

# Its prototype is hidden unless OpenCL 1.0's withdrawn functions are asked for.
_WITHDRAWN = {
    "clSetCommandQueueProperty": "cl_int(CL_API_CALL* clSetCommandQueueProperty)(cl_command_queue,"
    " cl_command_queue_properties, cl_bool, cl_command_queue_properties*)",
}


def complete(headers: Path) -> None:
    """Adds cl_icd.h to a folder of headers (the one that holds cl.h) unless it is there."""
    target = headers / "cl_icd.h"
    if not target.exists():
        target.write_text(text())


def text() -> str:
    """The header, for C++."""
    table = tomllib.loads((ROOT / "spec/opencl/functions.toml").read_text())
    lines = []
    for name, function in table["function"].items():
        if function.get("slot", True) is False or function.get("newer", False):
            continue
        typed = _WITHDRAWN.get(name, f"decltype(&::{name}) {name}")
        lines.append(f"  void* {name};\n" if function.get("untyped") else f"  {typed};\n")
    return _HEAD + "".join(lines) + _FOOT
