"""What a vGPU copies: its limit, and what its worker says that it has copied."""

from __future__ import annotations

from typing import Any, NamedTuple

LEAST_COPY_LIMIT = 1 << 20


class Copies(NamedTuple):
    """Bytes, bytes a second, nanoseconds; a limit of 0 is none.

    All but the limit is the worker's claim, as far as it is possible in the device time that it
    had. Where a program writes a buffer in pages that it shares with the worker, nothing is copied.
    """

    limit: int = 0
    copied_bytes: int = 0
    copy_ns: int = 0
    rate_1s: int = 0
    rate_10s: int = 0
    rate_60s: int = 0
    share_10s: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The copies for `--json`, the share of all copying in percent."""
        return {**self._asdict(), "share_10s": self.share_10s / 100}
