"""Events: what happened, in one order without gaps, for those who watch."""

from __future__ import annotations

from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened. Numbers are given in the order of the commits, from 1, no gaps."""

    sequence: int
    at_ms: int
    node: str
    kind: str  # like vgpu.ready or lease.released
    subject: str  # the id of what it happened to
    tenant: str
    body: dict[str, Any]
