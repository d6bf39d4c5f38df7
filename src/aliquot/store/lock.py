"""The lock of a state folder: one process at a time writes there.

The kernel lets go of it when the process ends, however it ends, so that nothing stale is left. The
file says who has it; what it says is only ever shown.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys

from aliquot.errors import BadStateDirectory, StoreInUse
from aliquot.store import location

_NAME = "lock"
_LONGEST = 200


class FolderLock:
    """Holds the lock from its making until `release`."""

    def __init__(self, folder: str) -> None:
        """Take the lock; raises StoreInUse, which names who has it."""
        location.prepare(folder)
        path = os.path.join(folder, _NAME)
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            text = f"the lock {path!r} can't be opened: {error.strerror}"
            raise BadStateDirectory(text) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = self._holder()
            os.close(self._file)
            raise StoreInUse(f"{holder} uses the state in {folder!r}") from None
        except OSError as error:
            os.close(self._file)
            text = f"the file system of {folder!r} has no locks: {error.strerror}"
            raise BadStateDirectory(text) from error
        with contextlib.suppress(OSError):  # a full disk has the lock none the less
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"process {os.getpid()} ({program()})\n".encode(), 0)

    def release(self) -> None:
        """Let go; the file stays, since removing it could remove another's."""
        with contextlib.suppress(OSError):
            os.close(self._file)

    def _holder(self) -> str:
        with contextlib.suppress(OSError):
            told = os.pread(self._file, _LONGEST, 0).decode(errors="replace").split("\n")[0]
            if told.startswith("process "):
                return "".join(c if c.isprintable() else "?" for c in told)
        return "another process"


def program() -> str:
    """This program's name and first argument, like `aliquot serve`: the rest may be secret."""
    words = [os.path.basename(sys.argv[0] or "python"), *sys.argv[1:2]]
    return " ".join(word for word in words if not word.startswith("-"))[:80] or "python"
