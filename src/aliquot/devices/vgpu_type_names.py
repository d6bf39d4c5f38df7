"""What the name of an NVIDIA vGPU type says of its memory.

`L40-24Q`: the number before the letter of the series is the framebuffer in GiB, 0 for 512 MiB
(NVIDIA vGPU Software User Guide, "Virtual GPU Types"); MIG-backed ones, `A100-3-20C`, as well.
Drivers that give types to virtual functions tell it in no other way.
"""

from __future__ import annotations

import re

_NAME = re.compile(r".*-([0-9]{1,3})[ABCQ](?:ME|[0-9])?", re.ASCII)
_MIB = 1 << 20


def memory_of(name: str) -> int | None:
    """The memory in bytes; None where it is no such name."""
    found = _NAME.fullmatch(name.strip())
    if found is None:
        return None
    return int(found[1]) * 1024 * _MIB or 512 * _MIB
