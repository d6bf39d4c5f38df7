"""The environment in which a program's OpenCL loader sees the guest driver and nothing else.

What the loaders in use make of the variables, found by trying them:

| loader | OCL_ICD_VENDORS=library | OCL_ICD_VENDORS=directory | OCL_ICD_FILENAMES=library |
|---|---|---|---|
| ocl-icd (Debian) | loads it alone | loads its .icd files | not known |
| ocl-icd (pyopencl's wheel) | loads it alone | also loads .icd files inside the wheel | not known |
| Khronos (Intel's wheel) | nothing: no directory | loads its .icd files | loads it too |

So the library itself goes into both: each loader takes exactly one of them, no file has to be
written, and drivers that lie inside pyopencl's wheel stay out.
"""

from __future__ import annotations

from collections.abc import Mapping

from aliquot import environment, native_programs


def opencl_environment(
    base: Mapping[str, str], socket_path: str, trace: str | None = None
) -> dict[str, str]:
    """`base` with what makes every loader find the vGPU behind `socket_path`."""
    guest_driver = native_programs.find(native_programs.GUEST_DRIVER)
    result = dict(base)
    result[environment.ICD_VENDORS.name] = guest_driver
    result[environment.ICD_FILENAMES.name] = guest_driver
    result[environment.VGPU_SOCKET.name] = socket_path
    if trace is None:
        result.pop(environment.TRACE.name, None)
    else:
        result[environment.TRACE.name] = trace
    return result
