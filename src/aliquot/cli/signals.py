"""What a command does when it is told to end while it has something to put away."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Generator

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def leaving_by_signals() -> Generator[None]:
    """SIGTERM and SIGHUP raise SystemExit meanwhile, so that whatever is entered is left."""

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = [signal.signal(number, end) for number in _SIGNALS]
    try:
        yield
    finally:
        for number, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(number, handler)
