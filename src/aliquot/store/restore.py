"""Restoring: a backup takes the place of the state, whole or not at all, while nothing uses it.

What was the state stays beside the new one under the name `replaced.db`, in case it was the wrong
backup. Watchers must not take the restored account of events for the one that they followed: it
begins anew behind the higher of the two numbers, so that each of them is told to list again.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import tempfile
from typing import NamedTuple

from sqlalchemy import Connection, delete, exc, select, text, update

from aliquot.errors import AliquotError, BadBackup, NewerSchema
from aliquot.store import engine as engines
from aliquot.store import faults, location, schema
from aliquot.store.backup import Backup, beside, copy_pages, copy_rows, opened, remove, sync
from aliquot.store.change import Change, Identity
from aliquot.store.location import Location
from aliquot.store.lock import FolderLock
from aliquot.store.server_lock import ServerLock
from aliquot.store.tables import events, metadata, nodes, store_head

REPLACED = "replaced.db"
_COPY = "restoring.db"


class _Before(NamedTuple):
    """What of the state that is replaced must not come back."""

    event_sequence: int = 0
    epochs: tuple[tuple[str, int], ...] = ()


def restore(where: Location, path: str, actor: str, now_ms: int) -> Backup:
    """Put a backup in place of the state.

    Raises BadBackup, NewerSchema, and StoreInUse where a daemon uses the state.
    """
    revision = _checked(path)
    with faults.translated(where.shown):
        try:
            if where.url:
                _into_server(where, path, actor, now_ms)
            else:
                _into_folder(where, path, actor, now_ms)
        except OSError as error:
            raise BadBackup(f"the backup can't be restored: {error.strerror}") from error
    return Backup(os.path.abspath(path), os.stat(path).st_size, revision)


def _checked(path: str) -> str:
    """The revision of a sound backup."""
    if not os.path.isfile(path):
        raise BadBackup(f"there is no file {path!r}")
    try:
        with opened(path, read_only=True) as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            revision = schema.check(connection, may_be_older=True)
    except NewerSchema:
        raise
    except (exc.DBAPIError, sqlite3.Error, AliquotError) as error:
        raise BadBackup(f"{path!r} is no backup of Aliquot") from error
    if found != "ok" or revision is None:
        raise BadBackup(f"the backup {path!r} is not whole: {found}")
    return revision


def _into_folder(where: Location, path: str, actor: str, now_ms: int) -> None:
    lock = FolderLock(where.folder)
    copy = os.path.join(where.folder, _COPY)
    try:
        remove(copy)  # of a restore that was killed
        engines.create_file(copy)
        copy_pages(path, copy)
        before = _before_in_file(where.database)
        with opened(copy) as connection:
            schema.upgrade(connection)
            _begin_anew(connection, before, actor, now_ms)
        sync(copy)
        _set_aside(where)
        os.replace(copy, where.database)
        sync(where.folder)
    finally:
        remove(copy)
        lock.release()


def _into_server(where: Location, path: str, actor: str, now_ms: int) -> None:
    lock = ServerLock(where, None)
    made = engines.writing(engines.make(where))
    try:
        with tempfile.TemporaryDirectory(prefix="aliquot-restore-") as folder:
            copy = os.path.join(folder, location.DATABASE)
            engines.create_file(copy)
            copy_pages(path, copy)
            with opened(copy) as connection:
                schema.upgrade(connection)
            with opened(copy, read_only=True) as source, made.begin() as target:
                schema.upgrade(target)
                before = _before(target)
                names = ", ".join(table.name for table in metadata.sorted_tables)
                target.execute(text(f"TRUNCATE {names}"))
                copy_rows(source, target)
                _correct_counters(target)
                _begin_anew(target, before, actor, now_ms)
    finally:
        made.dispose()
        lock.release()


def _begin_anew(connection: Connection, before: _Before, actor: str, now_ms: int) -> None:
    """Make the restored state a new one, and say so in each node's audit."""
    newest = connection.execute(select(store_head.c.event_sequence)).scalar_one()
    connection.execute(delete(events))
    connection.execute(
        update(store_head).values(
            identity=secrets.token_hex(16),
            # One more, so that nobody has seen the newest event.
            event_sequence=max(newest, before.event_sequence) + 1,
            swept_ms=0,
        )
    )
    epochs = dict(before.epochs)
    for node, epoch in connection.execute(select(nodes.c.name, nodes.c.epoch)).all():
        # Whoever had the state open before can't go on with it.
        epoch = max(epoch, epochs.get(node, 0)) + 1
        connection.execute(update(nodes).where(nodes.c.name == node).values(epoch=epoch))
        change = Change(connection, now_ms, Identity(node, epoch), actor)
        change.note("store.restored", node, replaced_event_sequence=before.event_sequence)
        change.finish()


def _before(connection: Connection) -> _Before:
    sequence = connection.execute(select(store_head.c.event_sequence)).scalar() or 0
    epochs = connection.execute(select(nodes.c.name, nodes.c.epoch)).all()
    return _Before(sequence, tuple((name, epoch) for name, epoch in epochs))


def _before_in_file(path: str) -> _Before:
    """Nothing where there is no state, or none that can be read: that is why one restores."""
    with contextlib.suppress(exc.SQLAlchemyError, sqlite3.Error, AliquotError), opened(path) as old:
        return _before(old)
    return _Before()


def _set_aside(where: Location) -> None:
    """Keep the state that is replaced, without its log: no log may meet the new database."""
    if not os.path.exists(where.database):
        return
    with (
        contextlib.suppress(sqlite3.Error),  # damaged: then it is kept as it is
        contextlib.closing(engines.open_file(where.database)) as connection,
    ):
        connection.execute("PRAGMA journal_mode = DELETE")
    replaced = os.path.join(where.folder, REPLACED)
    remove(replaced)
    # Linked, not moved: at every moment there is a state under its own name.
    os.link(where.database, replaced)
    for file, kept in zip(beside(where.database), beside(replaced), strict=True):
        if os.path.exists(file):
            os.rename(file, kept)


def _correct_counters(connection: Connection) -> None:
    """PostgreSQL's own counter of ids doesn't know those that were copied."""
    connection.execute(
        text(
            "SELECT setval(pg_get_serial_sequence('series_subjects', 'id'),"
            " (SELECT coalesce(max(id), 0) + 1 FROM series_subjects), false)"
        )
    )
