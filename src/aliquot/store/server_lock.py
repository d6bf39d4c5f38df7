"""The locks of a PostgreSQL database: one daemon a node, and no restore while any is there.

They are held by a connection of its own and end with it, so that nothing stale is left. Where the
connection is lost while the daemon lives, another one could open the state: then the node's epoch
has grown, and the first one's next change is refused (see change.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time

from sqlalchemy import Connection, text

from aliquot.errors import StoreInUse
from aliquot.store import engine as engines
from aliquot.store import faults
from aliquot.store.location import Location
from aliquot.store.lock import program

_ANY_DAEMON = 0x616C_6971_756F_7400
_TRIALS = 20
_PAUSE_SECONDS = 0.1
_NAMED = "aliquot: "
_HOLDERS = text(
    "SELECT DISTINCT application_name FROM pg_stat_activity JOIN pg_locks USING (pid)"
    " WHERE locktype = 'advisory' AND granted AND datname = current_database()"
    " AND pid <> pg_backend_pid() AND application_name LIKE :named ORDER BY 1"
)


class ServerLock:
    """Holds the locks from its making until `release`."""

    def __init__(self, location: Location, node: str | None) -> None:
        """Take the lock of a node, or of the whole database; raises StoreInUse."""
        # As a writer, so that nothing is said about the isolation of a transaction.
        self._engine = engines.writing(engines.make(location))
        try:
            with faults.translated(location.shown):
                self._connection = self._engine.execution_options(
                    isolation_level="AUTOCOMMIT"
                ).connect()
                if not _taken_soon(self._connection, node):
                    holder = _holder(self._connection, node)
                    raise StoreInUse(f"{holder} uses the state in {location.shown}")
        except BaseException:
            self._engine.dispose()
            raise

    def release(self) -> None:
        """Let go."""
        with contextlib.suppress(Exception):  # a lost connection has let go already
            self._connection.invalidate()
            self._connection.close()
        self._engine.dispose()


def _taken_soon(connection: Connection, node: str | None) -> bool:
    """A server takes a moment to see that a killed daemon is gone."""
    for _ in range(_TRIALS):
        if _take(connection, node):
            return True
        time.sleep(_PAUSE_SECONDS)
    return False


def _take(connection: Connection, node: str | None) -> bool:
    # A name has 63 bytes there: the process first.
    name = f"{_NAMED}process {os.getpid()} ({program()})" + (f" of node {node}" if node else "")
    connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": name})
    if node is None:
        return _locked(connection, "pg_try_advisory_lock", _ANY_DAEMON)
    return _locked(connection, "pg_try_advisory_lock", _key(node)) and _locked(
        connection, "pg_try_advisory_lock_shared", _ANY_DAEMON
    )


def _locked(connection: Connection, function: str, key: int) -> bool:
    return bool(connection.execute(text(f"SELECT {function}(:key)"), {"key": key}).scalar())


def _key(node: str) -> int:
    """A number of the node's own; the hash is for size, not for secrecy."""
    return int.from_bytes(hashlib.sha256(node.encode()).digest()[:8], "big", signed=True)


def _holder(connection: Connection, node: str | None) -> str:
    found = connection.execute(_HOLDERS, {"named": _NAMED + "%"}).scalars().all()
    named = [str(name).removeprefix(_NAMED) for name in found]
    of_node = [name for name in named if node and name.endswith(f" of node {node}")]
    return next(iter(of_node or named), "another process")
