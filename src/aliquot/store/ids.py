"""Names that the store gives."""

from __future__ import annotations

import secrets


def new_id(now_ms: int) -> str:
    """An id that nobody guesses and that sorts by the time of its making, clock permitting."""
    return f"{max(0, now_ms) & 0xFFFF_FFFF_FFFF:012x}{secrets.token_hex(10)}"
