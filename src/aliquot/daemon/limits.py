"""How many vGPUs one tenant may have, so that nobody can fill the devices' slots for all.

A vGPU of a byte takes a slot of its device host as a large one does, and a place in every list that
the daemon goes through.
"""

from __future__ import annotations

from aliquot.daemon.caller import Caller
from aliquot.errors import TooManyVgpus
from aliquot.store import View, vgpus

MOST_VGPUS = 256  # of a tenant, those that wait included; administrators have no limit


def must_have_room(view: View, caller: Caller, tenant: str, most: int, wanted: int = 1) -> None:
    """Raise TooManyVgpus where so many more would be too many for who is no admin."""
    if caller.is_admin:
        return
    had = vgpus.counted(view, tenant)
    if had + wanted > most:
        raise TooManyVgpus(f"{tenant!r} has {had} vGPUs, and may have {most}")
