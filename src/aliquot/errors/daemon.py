"""What the daemon and its API refused (ALQ-E4xx)."""

from __future__ import annotations

from aliquot.errors.base import AliquotError


class DaemonError(AliquotError):
    """The daemon can't do something, or refuses to."""
