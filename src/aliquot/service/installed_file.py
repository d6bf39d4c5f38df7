"""A file that `aliquot setup` wrote, known again by its first line.

That line holds a hash of all other lines: a file that somebody has changed since is neither
overwritten nor removed, and one that was never ours isn't either.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from enum import Enum
from typing import NamedTuple

from aliquot.errors import SetupFailed

_MARK = re.compile(r".{1,3} installed by 'aliquot setup', sha256 ([0-9a-f]{64})")
_MOST_BYTES = 1 << 20


class Found(Enum):
    """What lies where the file belongs."""

    NOTHING = "nothing"
    SAME = "what is to be there"
    OURS = "an older one of ours"
    CHANGED = "one of ours, changed by hand"
    FOREIGN = "not ours"


class InstalledFile(NamedTuple):
    """A file to install. `comment` begins a comment in its language; `first` must stay first."""

    path: str
    text: str
    comment: str = "#"
    first: str = ""

    @property
    def whole(self) -> str:
        """The text with the line by which it is known again."""
        return f"{self.first}{_mark(self.comment, self.first + self.text)}\n{self.text}"

    def found(self) -> Found:
        """What is there; raises SetupFailed where that can't be read."""
        try:
            with open(self.path, encoding="utf-8", errors="replace") as file:
                text = file.read(_MOST_BYTES)
        except FileNotFoundError:
            return Found.NOTHING
        except OSError as error:
            raise SetupFailed(f"{self.path!r} can't be read: {error.strerror}") from error
        if text == self.whole:
            return Found.SAME
        lines = text.splitlines(keepends=True)
        for number, line in enumerate(lines[:2]):
            match = _MARK.fullmatch(line.rstrip("\n"))
            if match is not None:
                rest = "".join(lines[:number] + lines[number + 1 :])
                return Found.OURS if match[1] == _hash(rest) else Found.CHANGED
        return Found.FOREIGN

    def write(self) -> None:
        """Put it there, whole or not at all; raises SetupFailed."""
        folder = os.path.dirname(self.path)
        try:
            os.makedirs(folder, exist_ok=True)
            number, temporary = tempfile.mkstemp(dir=folder, prefix=".aliquot-setup-")
            try:
                with open(number, "w", encoding="utf-8") as file:
                    file.write(self.whole)
                    os.fchmod(file.fileno(), 0o644)
                os.replace(temporary, self.path)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            raise SetupFailed(f"{self.path!r} can't be written: {error.strerror}") from error

    def remove(self) -> None:
        """Take it away; raises SetupFailed."""
        try:
            os.unlink(self.path)
        except OSError as error:
            raise SetupFailed(f"{self.path!r} can't be removed: {error.strerror}") from error


def _mark(comment: str, rest: str) -> str:
    return f"{comment} installed by 'aliquot setup', sha256 {_hash(rest)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
