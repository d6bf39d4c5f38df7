"""promtool, which checks Prometheus' rules, out of Debian's package: nothing else of it is used."""

from __future__ import annotations

from tools.setup import debian
from tools.setup.report import BUILD, say

_FOLDER = BUILD / "prometheus"
PROGRAM = _FOLDER / "usr/bin/promtool"


def ensure() -> bool:
    """Whether it is there now. Not installed: the package would start a server."""
    if PROGRAM.exists():
        return True
    say("getting promtool from Debian's package prometheus")
    return debian.unpack("prometheus", _FOLDER) and PROGRAM.exists()
