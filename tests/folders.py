"""Folders of tests whose paths must be short enough for sockets: pytest's own are too long."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A device host takes its own files away while it ends.
_SECONDS_FOR_OTHERS_TO_END = 10.0


def make_short_folder() -> Path:
    """A new one, to be removed with `remove_folder`."""
    return Path(tempfile.mkdtemp(prefix="aliquot-test-", dir="/tmp"))


def remove_folder(folder: Path) -> None:
    """Removes all of it, also while processes that end still change what it holds.

    Raises OSError if it can't be removed.
    """
    last = time.monotonic() + _SECONDS_FOR_OTHERS_TO_END
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError:
            if time.monotonic() > last:
                raise
            time.sleep(0.01)


@contextmanager
def short_folder() -> Iterator[Path]:
    """One that is removed at the end."""
    folder = make_short_folder()
    try:
        yield folder
    finally:
        remove_folder(folder)
