"""The modes explained: a small picture of each, in the language of the architecture picture."""

from __future__ import annotations

import msgspec

from aliquot.model.api.picture import Look, Picture


class ModeExplained(msgspec.Struct, frozen=True, kw_only=True):
    """One way to divide a GPU. `mode` is a mode of vGPUs, or hybrid.

    `tested`: on a device, if a software one, and not on stand-ins alone.
    """

    mode: str
    look: Look
    tested: bool
    picture: Picture


class ModesExplained(msgspec.Struct, frozen=True, kw_only=True):
    """All ways, the one that is tested on devices first."""

    items: list[ModeExplained]
