"""The units of systemd, made from the files beside this one."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

_UNITS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "units")
_COMMAND = "@ALIQUOT@"
NAMES = ("aliquot.service", "aliquot.socket")


def unit(name: str, *, user: bool, command: Sequence[str] | None = None) -> str:
    """The text of a unit, which starts `command` (by default: this very installation)."""
    with open(os.path.join(_UNITS, "user" if user else "system", name), encoding="utf-8") as file:
        text = file.read()
    words = " ".join(quoted(word) for word in command or own_command())
    return text.replace(_COMMAND, words)


def own_command() -> list[str]:
    """How this installation is started: by its script, else by its Python."""
    script = os.path.join(os.path.dirname(sys.executable), "aliquot")
    if os.access(script, os.X_OK):
        return [script]
    return [sys.executable, "-m", "aliquot.cli"]


def quoted(word: str) -> str:
    """A word of ExecStart, taken literally (systemd.service, "Command lines")."""
    literal = word.replace("%", "%%").replace("$", "$$").replace("\\", "\\\\").replace('"', '\\"')
    plain = all(c.isascii() and (c.isalnum() or c in "/._-+:=@,%$") for c in literal)
    return literal if plain else f'"{literal}"'
