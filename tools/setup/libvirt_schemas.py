"""The schemas by which libvirt validates domains, out of Debian's package libvirt0."""

from __future__ import annotations

from tools.setup import debian
from tools.setup.report import BUILD, say

_FOLDER = BUILD / "libvirt"
DOMAIN = _FOLDER / "usr/share/libvirt/schemas/domain.rng"


def ensure() -> bool:
    """Whether they are there now. Not installed: nothing of the library is needed."""
    if DOMAIN.exists():
        return True
    say("getting libvirt's schemas from Debian's package libvirt0")
    return debian.unpack("libvirt0", _FOLDER) and DOMAIN.exists()
