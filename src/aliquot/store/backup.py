"""Backups: the state of one moment in one file, taken while the daemon works.

A backup is always an SQLite database with the schema of its time, also that of a state in
PostgreSQL: so it can be looked into, and restoring it also moves a state from one to the other.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Generator
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from aliquot.errors import BadBackup, NotAStore
from aliquot.store import engine as engines
from aliquot.store import faults, schema
from aliquot.store.location import Location
from aliquot.store.tables import metadata

_ROWS_AT_ONCE = 1000


class Backup(NamedTuple):
    """A backup that was written or restored."""

    path: str
    bytes: int
    schema: str


def write(location: Location, path: str) -> Backup:
    """Write a backup into a new file; where that fails, there is no such file."""
    path = os.path.abspath(path)
    if os.path.lexists(path):
        raise BadBackup(f"the file {path!r} exists")
    partial = f"{path}.{os.getpid()}.partial"
    try:
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with faults.translated(location.shown):
            if location.url:
                revision = _from_server(location, partial)
            else:
                revision = _from_file(location, partial)
        sync(partial)
        size = os.stat(partial).st_size
        os.rename(partial, path)
        sync(os.path.dirname(path))
    except OSError as error:
        raise BadBackup(f"the backup {path!r} can't be written: {error.strerror}") from error
    finally:
        remove(partial)
    return Backup(path, size, revision)


@contextlib.contextmanager
def opened(path: str, *, read_only: bool = False) -> Generator[Connection]:
    """A transaction on the SQLite database in a file."""
    folder, name = os.path.split(os.path.abspath(path))
    made = engines.make_file(os.path.join(folder, name), read_only=read_only)
    try:
        with (made if read_only else engines.writing(made)).begin() as connection:
            yield connection
    finally:
        made.dispose()


def copy_pages(source: str, target: str) -> None:
    """Copy one SQLite database over another, whole, as one moment of it; readers don't wait."""
    with (
        contextlib.closing(engines.open_file(source, read_only=True)) as reads,
        contextlib.closing(engines.open_file(target)) as writes,
    ):
        try:
            reads.backup(writes)
            # One file: what would be in a log beside it is in it.
            writes.execute("PRAGMA journal_mode = DELETE")
            found = writes.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            code = error.sqlite_errorcode & 0xFF
            if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
                raise BadBackup(f"there is no room for {target!r}") from error
            raise
    if found != "ok":
        raise BadBackup(f"the copy of {source!r} is not sound: {found}")


def copy_rows(source: Connection, target: Connection) -> None:
    """Copy every row of every table into empty tables of the same schema."""
    for table in metadata.sorted_tables:
        found = source.execute(select(table).execution_options(yield_per=_ROWS_AT_ONCE))
        for rows in found.mappings().partitions():
            target.execute(insert(table), [dict(row) for row in rows])


def sync(path: str) -> None:
    """See a file or folder onto the disk."""
    opened_file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened_file)
    finally:
        os.close(opened_file)


def remove(path: str) -> None:
    """Remove an SQLite database and what SQLite keeps beside it, where they are."""
    for name in (path, *beside(path)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def beside(path: str) -> tuple[str, ...]:
    """The files that SQLite keeps beside a database."""
    return tuple(f"{path}-{suffix}" for suffix in ("journal", "wal", "shm"))


def _from_file(location: Location, partial: str) -> str:
    if not os.path.exists(location.database):
        raise NotAStore(f"there is no state in {location.folder!r}")
    with opened(location.database, read_only=True) as connection:
        revision = schema.check(connection, may_be_older=True)
    if revision is None:
        raise NotAStore(f"the state in {location.folder!r} is empty")
    copy_pages(location.database, partial)
    return revision


def _from_server(location: Location, partial: str) -> str:
    made = engines.make(location, read_only=True)
    try:
        with made.begin() as source:
            revision = schema.check(source)
            assert revision
            with opened(partial) as target:
                schema.upgrade(target)
                copy_rows(source, target)
    finally:
        made.dispose()
    return revision
