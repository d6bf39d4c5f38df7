"""What a check found."""

from __future__ import annotations

import enum
from typing import Any, NamedTuple


class Level(enum.Enum):
    """How bad it is: `broken` makes `aliquot doctor` end with 1, `weak` is worth knowing."""

    OK = "ok"
    WEAK = "weak"
    BROKEN = "broken"


class Finding(NamedTuple):
    """One thing that was looked at; `remedy` is the command that mends it, where there is one."""

    area: str
    subject: str
    level: Level
    text: str
    remedy: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The finding for `--json`."""
        return {**self._asdict(), "level": self.level.value}
