"""Where the state lies: a folder with an SQLite database, or a PostgreSQL database."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from aliquot import environment
from aliquot.errors import BadStateDirectory, BadStoreUrl

DATABASE = "state.db"
_SCHEMES = ("postgresql", "postgres")


class Location(NamedTuple):
    """Where the state is; exactly one of the two is set."""

    folder: str = ""
    url: URL | None = None

    @property
    def shown(self) -> str:
        """The place as it may be shown and logged: a URL without its password."""
        return self.url.render_as_string(hide_password=True) if self.url else self.folder

    @property
    def database(self) -> str:
        """The path of the SQLite database."""
        return os.path.join(self.folder, DATABASE)


def usual() -> Location:
    """Where the state of this user lies."""
    chosen = environment.STATE.get()
    if chosen:
        return parse(chosen)
    if os.geteuid() == 0:
        return Location("/var/lib/aliquot")
    base = environment.XDG_STATE_HOME.get()
    if not base or not os.path.isabs(base):
        base = os.path.expanduser("~/.local/state")
    return Location(os.path.join(base, "aliquot"))


def parse(text: str) -> Location:
    """The place that a folder's path or a URL means; raises BadStoreUrl."""
    if "://" not in text:
        return Location(os.path.abspath(text))
    # Its text may hold a password: no error repeats it.
    try:
        url = make_url(text)
        _ = url.port
    except (ArgumentError, ValueError):
        raise BadStoreUrl("the state's address is no URL") from None
    if url.drivername not in _SCHEMES:
        raise BadStoreUrl(f"a state can't be kept in {url.drivername[:20]!r}")
    if not url.database:
        raise BadStoreUrl("the state's URL names no database")
    return Location(url=url.set(drivername="postgresql+psycopg"))


def prepare(folder: str) -> None:
    """Make the folder where it is missing, and check who can write there."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        status = os.stat(folder)
    except OSError as error:
        raise BadStateDirectory(
            f"the state folder {folder!r} can't be made: {error.strerror}"
        ) from error
    if not stat.S_ISDIR(status.st_mode):
        raise BadStateDirectory(f"the state folder {folder!r} is not a directory")
    if status.st_uid != os.geteuid():
        raise BadStateDirectory(f"the state folder {folder!r} belongs to user {status.st_uid}")
    if status.st_mode & 0o022:
        raise BadStateDirectory(f"the state folder {folder!r} can be written by others")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadStateDirectory(f"the state folder {folder!r} can't be written by you")
