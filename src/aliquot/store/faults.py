"""Turns what databases say into our own errors, with their stable codes."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator

from sqlalchemy import exc

from aliquot.errors import (
    AliquotError,
    DamagedStore,
    MissingStoreDriver,
    NotAStore,
    StoreFull,
    StoreLocked,
    StoreUnreachable,
)

_SQLITE = {
    sqlite3.SQLITE_FULL: StoreFull,
    sqlite3.SQLITE_BUSY: StoreLocked,
    sqlite3.SQLITE_LOCKED: StoreLocked,
    sqlite3.SQLITE_CORRUPT: DamagedStore,
    sqlite3.SQLITE_NOTADB: NotAStore,
    sqlite3.SQLITE_IOERR: StoreUnreachable,
    sqlite3.SQLITE_CANTOPEN: StoreUnreachable,
    sqlite3.SQLITE_READONLY: StoreUnreachable,
    sqlite3.SQLITE_PERM: StoreUnreachable,
    sqlite3.SQLITE_PROTOCOL: StoreLocked,
}
# By the code of the SQL standard, or by its class, the first two characters.
_POSTGRESQL = {
    "53100": StoreFull,
    "55P03": StoreLocked,
    "57014": StoreLocked,
    "40P01": StoreLocked,
    "XX001": DamagedStore,
    "XX002": DamagedStore,
    "08": StoreUnreachable,
    "28": StoreUnreachable,
    "3D": StoreUnreachable,
    "42501": StoreUnreachable,
    "53": StoreUnreachable,
    "57": StoreUnreachable,
    "58": StoreUnreachable,
}
_SHOWN = 160


@contextlib.contextmanager
def translated(shown: str) -> Generator[None]:
    """Raise our error in place of the database's; `shown` says where the state is.

    What has no place in our tree is a fault of ours and goes through as it is.
    """
    try:
        yield
    except exc.NoSuchModuleError as error:
        raise MissingStoreDriver() from error
    except exc.TimeoutError as error:  # of the pool of connections
        raise StoreLocked(f"all connections to {shown} are in use") from error
    except exc.DBAPIError as error:
        found = of(error.orig, shown, lost=error.connection_invalidated)
        if found is None:
            raise
        raise found from error
    except sqlite3.Error as error:
        found = of(error, shown)
        if found is None:
            raise
        raise found from error


def of(error: BaseException | None, shown: str, *, lost: bool = False) -> AliquotError | None:
    """Our error for a database's, or None."""
    if isinstance(error, sqlite3.Error):
        code: int = getattr(error, "sqlite_errorcode", 0)
        kind = _SQLITE.get(code & 0xFF)
    else:
        state: str = getattr(error, "sqlstate", None) or ""
        kind = _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])
        # Without a code it was the connection that failed, not a statement.
        if kind is None and (lost or (not state and type(error).__name__ == "OperationalError")):
            kind = StoreUnreachable
    if kind is None:
        return None
    told = " ".join(str(error).split())[:_SHOWN]
    return kind(f"{kind.title[0].lower()}{kind.title[1:]} ({shown}: {told})")
