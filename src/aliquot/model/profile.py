"""A profile: a named size."""

from __future__ import annotations

import msgspec

from aliquot.model.shares import Shares


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Memory and shares by one name. vGPUs made from it keep what it said then."""

    name: str
    memory: int
    shares: Shares = Shares()
    description: str = ""
    generation: int = 1
