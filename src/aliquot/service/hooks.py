"""The hooks by which hypervisors tell of VMs, made from the files beside this one."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from aliquot.service.units import own_command

_HOOKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hooks")
_COMMAND = "@ALIQUOT@"
NAMES = ("libvirt", "proxmox")


def hook(name: str, *, command: Sequence[str] | None = None) -> str:
    """The text of a hook, which calls `command` (by default: this very installation)."""
    with open(os.path.join(_HOOKS, name), encoding="utf-8") as file:
        text = file.read()
    return text.replace(_COMMAND, shlex.join(command or own_command()))
