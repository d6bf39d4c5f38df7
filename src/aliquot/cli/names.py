"""Names that people give: to vGPUs, groups, profiles and tokens."""

from __future__ import annotations

import re

from aliquot.errors import BadName

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)


def checked_name(name: str, what: str = "a vGPU's name") -> str:
    """The same name; raises BadName."""
    if not _NAME.fullmatch(name):
        raise BadName(f"{name[:70]!r} is not allowed as {what}")
    return name
