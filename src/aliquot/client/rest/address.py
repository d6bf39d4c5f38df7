"""Where a daemon is, and the token that is shown to it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from typing import NamedTuple

from aliquot import environment, runtime_directory
from aliquot.errors import BadApiAddress, BadTokenFile

SOCKET_NAME = "api.sock"
SYSTEM_SOCKET = "/run/aliquot/api.sock"
_URL = re.compile(r"http://(127(?:\.\d{1,3}){3}|localhost|\[::1\]):(\d{1,5})/?", re.ASCII)
_TOKEN = re.compile(r"alq_[0-9a-f]{16}_[A-Za-z0-9_-]{43}", re.ASCII)
_LONGEST_TOKEN_FILE = 4096


class Address(NamedTuple):
    """A daemon's address: a Unix socket, or a port of this machine."""

    path: str = ""
    host: str = ""
    port: int = 0

    @property
    def shown(self) -> str:
        """As it is shown to people."""
        if self.path:
            return self.path
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def parse(text: str) -> Address:
    """What ALIQUOT_API says; raises BadApiAddress."""
    if "://" not in text:
        return Address(os.path.abspath(text))
    match = _URL.fullmatch(text)
    # What stands before an @ may be secret: the text is not repeated.
    if match is None or not 0 < int(match[2]) < 1 << 16:
        raise BadApiAddress("ALIQUOT_API is neither a path nor an address of this machine")
    return Address(host=match[1].strip("[]"), port=int(match[2]))


def candidates() -> Iterator[Address]:
    """Where a daemon is looked for, in this order."""
    chosen = environment.API.get()
    if chosen:
        yield parse(chosen)
        return
    for path in runtime_directory.api_sockets():
        yield Address(path)


def is_trustworthy(path: str) -> bool:
    """Whether a socket is the user's own or root's: another user's could pretend to be a daemon."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISSOCK(status.st_mode) and status.st_uid in (0, os.geteuid())


def token() -> str | None:
    """The token of ALIQUOT_TOKEN_FILE, None where that is not set; raises BadTokenFile."""
    path = environment.TOKEN_FILE.get()
    return None if path is None else read_token(path)


def read_token(path: str) -> str:
    """The token in a file; raises BadTokenFile, which repeats nothing of the content."""
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if status.st_mode & 0o077:
                raise BadTokenFile(f"the token file {path!r} can be read or changed by others")
            text = file.read(_LONGEST_TOKEN_FILE).decode("ascii", "replace").strip()
    except OSError as error:
        raise BadTokenFile(f"the token file {path!r} can't be read: {error.strerror}") from error
    if not _TOKEN.fullmatch(text):
        raise BadTokenFile(f"the token file {path!r} holds something else than one token")
    return text
