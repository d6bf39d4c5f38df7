"""clinfo: every property of the platform and the device, compared field by field."""

from __future__ import annotations

import re

from tools.programs import fetch
from tools.programs.case import Case, Outcome, failed_runs

_FIELD = re.compile(
    r"^(?:\[[^\]]*\])?[ \t]+(?P<name>#?[A-Z]\w+)(?:[ \t]+(?P<value>.*))?$", re.MULTILINE
)

_NO_IMAGES = "the vGPU has no images yet"
_NO_SVM = "the vGPU has no shared virtual memory yet"
_NO_PIPES = "the vGPU has no pipes yet"
_NO_IL = "the vGPU takes no programs in an intermediate language yet"
_NO_DEVICE_QUEUE = "kernels can't enqueue kernels on the vGPU yet"
_FILTERED = "lists only the extensions that work on the vGPU"

# Every field that may differ from native, and why. docs/clinfo.md shows this table.
DIFFERS: dict[str, str] = {
    "CL_DEVICE_GLOBAL_MEM_SIZE": "the vGPU's memory quota",
    "CL_DEVICE_MAX_MEM_ALLOC_SIZE": "at most the vGPU's memory quota",
    "CL_DEVICE_EXTENSIONS": _FILTERED,
    "CL_DEVICE_EXTENSIONS_WITH_VERSION": _FILTERED,
    "CL_PLATFORM_EXTENSIONS": _FILTERED,
    "CL_PLATFORM_EXTENSIONS_WITH_VERSION": _FILTERED,
    "CL_PLATFORM_ICD_SUFFIX_KHR": "names the guest driver's functions to the loader",
    "CL_DEVICE_IMAGE_SUPPORT": _NO_IMAGES,
    "CL_DEVICE_IMAGE_MAX_BUFFER_SIZE": _NO_IMAGES,
    "CL_DEVICE_IMAGE_MAX_ARRAY_SIZE": _NO_IMAGES,
    "CL_DEVICE_IMAGE2D_MAX_HEIGHT": _NO_IMAGES,
    "CL_DEVICE_IMAGE2D_MAX_WIDTH": _NO_IMAGES,
    "CL_DEVICE_IMAGE3D_MAX_DEPTH": _NO_IMAGES,
    "CL_DEVICE_IMAGE3D_MAX_HEIGHT": _NO_IMAGES,
    "CL_DEVICE_IMAGE3D_MAX_WIDTH": _NO_IMAGES,
    "CL_DEVICE_IMAGE_BASE_ADDRESS_ALIGNMENT": _NO_IMAGES,
    "CL_DEVICE_IMAGE_PITCH_ALIGNMENT": _NO_IMAGES,
    "CL_DEVICE_MAX_READ_IMAGE_ARGS": _NO_IMAGES,
    "CL_DEVICE_MAX_WRITE_IMAGE_ARGS": _NO_IMAGES,
    "CL_DEVICE_MAX_READ_WRITE_IMAGE_ARGS": _NO_IMAGES,
    "CL_DEVICE_MAX_SAMPLERS": _NO_IMAGES,
    "CL_DEVICE_SVM_CAPABILITIES": _NO_SVM,
    "CL_DEVICE_PREFERRED_PLATFORM_ATOMIC_ALIGNMENT": _NO_SVM,
    "CL_DEVICE_PREFERRED_GLOBAL_ATOMIC_ALIGNMENT": _NO_SVM,
    "CL_DEVICE_PREFERRED_LOCAL_ATOMIC_ALIGNMENT": _NO_SVM,
    "CL_DEVICE_PIPE_SUPPORT": _NO_PIPES,
    "CL_DEVICE_MAX_PIPE_ARGS": _NO_PIPES,
    "CL_DEVICE_PIPE_MAX_ACTIVE_RESERVATIONS": _NO_PIPES,
    "CL_DEVICE_PIPE_MAX_PACKET_SIZE": _NO_PIPES,
    "CL_DEVICE_IL_VERSION": _NO_IL,
    "CL_DEVICE_ILS_WITH_VERSION": _NO_IL,
    "CL_DEVICE_SPIR_VERSIONS": _NO_IL,
    "CL_DEVICE_DEVICE_ENQUEUE_CAPABILITIES": _NO_DEVICE_QUEUE,
    "CL_DEVICE_QUEUE_ON_DEVICE_PROPERTIES": _NO_DEVICE_QUEUE,
    "CL_DEVICE_QUEUE_ON_DEVICE_PREFERRED_SIZE": _NO_DEVICE_QUEUE,
    "CL_DEVICE_QUEUE_ON_DEVICE_MAX_SIZE": _NO_DEVICE_QUEUE,
    "CL_DEVICE_MAX_ON_DEVICE_QUEUES": _NO_DEVICE_QUEUE,
    "CL_DEVICE_MAX_ON_DEVICE_EVENTS": _NO_DEVICE_QUEUE,
    "CL_DEVICE_EXECUTION_CAPABILITIES": "no native kernels: they run in the guest process",
    "CL_DEVICE_BUILT_IN_KERNELS": "the vGPU has no built-in kernels yet",
    "CL_DEVICE_BUILT_IN_KERNELS_WITH_VERSION": "the vGPU has no built-in kernels yet",
    "CL_DEVICE_OPENCL_C_FEATURES": "leaves out features that need what the vGPU has not",
}
# Fields of extensions: absent on the vGPU when their extension is.
_OF_EXTENSIONS = re.compile(r"_(INTEL|AMD|NV|KHR|EXT|ARM|POCL|QCOM|TI)$")


class Clinfo(Case):
    """`clinfo --raw`; each field is equal or in the table above."""

    name = "clinfo"
    what = "lists the properties of the device"
    measured = False

    def command(self) -> list[str]:
        return [str(fetch.debian_program("clinfo")), "--raw"]

    def differences(self, native: Outcome, remoted: Outcome) -> list[str]:
        found = failed_runs(native, remoted)
        theirs, ours = fields(native.stdout), fields(remoted.stdout)
        if len(ours) < 60:
            found.append(f"only {len(ours)} fields:\n{remoted.tail()}")
        for name in sorted(theirs.keys() | ours.keys()):
            if name in DIFFERS or (_OF_EXTENSIONS.search(name) and name not in ours):
                continue
            if theirs.get(name) != ours.get(name):
                found.append(f"{name}: native {theirs.get(name)!r}, remoted {ours.get(name)!r}")
        return found


def fields(output: str) -> dict[str, str]:
    """Value by field name. Fields that start with # (counts of clinfo's own) are included."""
    return {field["name"]: (field["value"] or "").strip() for field in _FIELD.finditer(output)}
