"""Connections to SQLite and PostgreSQL, set up so that both keep the same promises.

Both: a change is on the disk when it is told to have been made, and a reader sees one moment.
SQLite: write-ahead log, so that readers don't wait for a writer; a writer takes the lock as it
begins, since one that began as a reader could fail in the midst. PostgreSQL: see change.py for the
row that each writer locks.
"""

from __future__ import annotations

import os
import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from aliquot.errors import MissingStoreDriver
from aliquot.store.location import Location

WAIT_SECONDS = 10
_WRITES = "aliquot_writes"
_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA synchronous = FULL",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA trusted_schema = OFF",
)


def make(location: Location, *, read_only: bool = False, wait: float = WAIT_SECONDS) -> Engine:
    """An engine for the place. Nothing is opened yet."""
    if location.url:
        return _postgresql(location, read_only=read_only, wait=wait)
    return make_file(location.database, read_only=read_only, wait=wait)


def make_file(path: str, *, read_only: bool = False, wait: float = WAIT_SECONDS) -> Engine:
    """An engine for the SQLite database in a file that exists."""
    made = create_engine(
        "sqlite://",
        creator=lambda: open_file(path, read_only=read_only, wait=wait),
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=56,
    )

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(made, "begin", begin)
    return made


def writing(engine: Engine) -> Engine:
    """The same engine, whose transactions are going to write."""
    return engine.execution_options(**{_WRITES: True})


def open_file(path: str, *, read_only: bool = False, wait: float = WAIT_SECONDS) -> Any:
    """A connection of the standard library's to an SQLite file that exists.

    Who only reads opens the file to write as well, where that may be: after a crash the first one
    who comes takes in or rolls back what the log holds, and that is no change of the state.
    """
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    connection = sqlite3.connect(
        f"file:{quoted}?mode=rw",
        uri=True,
        timeout=wait,
        isolation_level=None,  # transactions begin where we say so
        check_same_thread=False,
        cached_statements=400,
    )
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    return connection


def create_file(path: str) -> None:
    """An empty file that only we can read, where there is none.

    One that exists is left alone: closing it would let go of the locks that SQLite has on it.
    """
    if not os.path.exists(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _postgresql(location: Location, *, read_only: bool, wait: float) -> Engine:
    assert location.url
    milliseconds = int(wait * 1000)
    settings = f"-c lock_timeout={milliseconds} -c synchronous_commit=on -c TimeZone=UTC"
    if read_only:
        settings += " -c default_transaction_read_only=on"
    try:
        made = create_engine(
            location.url,
            pool_pre_ping=True,
            pool_size=8,
            max_overflow=24,
            connect_args={
                "options": settings,
                "connect_timeout": WAIT_SECONDS,
                "application_name": "aliquot",
                # The statements are few; each is prepared when it comes the second time.
                "prepare_threshold": 2,
            },
        )
    except ImportError as error:
        raise MissingStoreDriver() from error

    def begin(connection: Connection) -> None:
        if not connection.get_execution_options().get(_WRITES):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")

    event.listen(made, "begin", begin)
    return made
