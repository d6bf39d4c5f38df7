"""A place in the queue of what doesn't fit now."""

from __future__ import annotations

import msgspec


class QueueEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A vGPU that waits for a place: a pending one, or a suspended one that is to go on.

    The order is by `tag`, then by `sequence`. A tenant's first entry gets the tag after the one
    that was served last, each further one the next: so whoever asks for a hundred is served in turn
    with who asks for one.
    """

    vgpu: str
    tenant: str
    group: str | None
    tag: int
    sequence: int
    since_ms: int
    until_ms: int | None
    position: int = 0  # from 1
