"""The store: opens the state, and gives the transactions that read and write it."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Generator, Sequence

from sqlalchemy import Connection, Engine, insert, select, text, update

from aliquot.errors import NotAStore, StoreLocked
from aliquot.model.audit import FIRST_PREVIOUS
from aliquot.model.event import Event
from aliquot.store import engine as engines
from aliquot.store import faults, schema, tables
from aliquot.store.change import SYSTEM, Change, Identity, View
from aliquot.store.location import Location
from aliquot.store.lock import FolderLock, program
from aliquot.store.server_lock import ServerLock

Clock = Callable[[], int]
Tell = Callable[[Sequence[Event]], None]
_READER = Identity("", -1)


def system_clock() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Store:
    """An open state. Threads may share it."""

    def __init__(
        self, location: Location, engine: Engine, *, clock: Clock, wait: float, identity: Identity
    ) -> None:
        """Use `Store.open` or `Store.open_to_read`."""
        self.location = location
        self.engine = engine
        self.identity = identity
        self._clock = clock
        self._wait = wait
        self._locks: list[FolderLock | ServerLock] = []
        # Threads of one process wait here, in order, and not by trying the database's lock again.
        self._writing = threading.Lock()
        self._writer = 0
        self._watchers: list[Tell] = []

    @classmethod
    def open(
        cls,
        location: Location,
        node: str,
        *,
        clock: Clock = system_clock,
        wait: float = engines.WAIT_SECONDS,
    ) -> Store:
        """Open to read and write, as the only process that does so for this node.

        Makes the state where there is none, and brings its schema up to date. Raises StoreInUse
        where another process has it, NewerSchema, NotAStore, DamagedStore, StoreUnreachable.
        """
        lock = ServerLock(location, node) if location.url else FolderLock(location.folder)
        engine: Engine | None = None
        try:
            with faults.translated(location.shown):
                if not location.url:
                    engines.create_file(location.database)
                engine = engines.make(location, wait=wait)
                with engine.begin() as connection:  # before anything is changed
                    schema.check(connection, may_be_older=True)
                if not location.url:
                    _use_write_ahead(engine)
                with engines.writing(engine).begin() as connection:
                    identity = _settle(connection, node, clock())
        except BaseException:
            if engine:
                engine.dispose()
            lock.release()
            raise
        opened = cls(location, engine, clock=clock, wait=wait, identity=identity)
        opened._locks.append(lock)
        try:
            with opened.change(SYSTEM) as change:
                change.note("store.opened", node, epoch=identity.epoch, program=program())
        except BaseException:
            opened.close()
            raise
        return opened

    @classmethod
    def open_to_read(cls, location: Location, *, clock: Clock = system_clock) -> Store:
        """Open to read alone, beside a daemon or without one. Nothing is made or changed."""
        engine = engines.make(location, read_only=True)
        try:
            with faults.translated(location.shown):
                if not location.url:
                    _must_exist(location)
                with engine.begin() as connection:
                    schema.check(connection)
        except BaseException:
            engine.dispose()
            raise
        return cls(location, engine, clock=clock, wait=engines.WAIT_SECONDS, identity=_READER)

    def close(self) -> None:
        """Close the connections, then let others in."""
        self.engine.dispose()
        for lock in self._locks:
            lock.release()
        self._locks.clear()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def now_ms(self) -> int:
        """What its clock says: milliseconds since 1970."""
        return self._clock()

    @contextlib.contextmanager
    def look(self) -> Generator[View]:
        """A transaction that sees the state of one moment."""
        with faults.translated(self.location.shown), self.engine.begin() as connection:
            yield View(connection, self._clock())

    @contextlib.contextmanager
    def change(self, actor: str) -> Generator[Change]:
        """A transaction that writes all or, where anything is raised, nothing.

        `actor` is who answers for it: a tenant, or SYSTEM. Watchers are told after the commit.
        """
        if self.identity == _READER:
            raise RuntimeError("this state was opened to read")
        if self._writer == threading.get_ident():
            raise RuntimeError("a change can't begin within another one of the same thread")
        if not self._writing.acquire(timeout=self._wait):
            raise StoreLocked(f"another thread changes {self.location.shown}")
        try:
            self._writer = threading.get_ident()
            with (
                faults.translated(self.location.shown),
                engines.writing(self.engine).begin() as connection,
            ):
                change = Change(connection, self._clock(), self.identity, actor)
                yield change
                happened = change.finish()
            if happened:
                # Before another thread can change anything, so that the events come in order.
                for tell in tuple(self._watchers):
                    tell(happened)
        finally:
            self._writer = 0
            self._writing.release()

    def watch(self, tell: Tell) -> Callable[[], None]:
        """Call `tell` with the events of each change after its commit; returns what ends that.

        It is called by the thread that made the change, must not block or raise, and can't begin a
        change. Changes of other nodes on a shared database aren't told: their numbers are missing,
        so look again every so often.
        """
        self._watchers.append(tell)
        return lambda: self._watchers.remove(tell)


def _settle(connection: Connection, node: str, now_ms: int) -> Identity:
    """The schema brought up to date, the rows that must be there, and this opening's number."""
    if connection.dialect.name == "postgresql":
        # Two nodes may come to an empty database at once.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": 0x616C_6971})
    schema.upgrade(connection)
    if connection.execute(select(tables.store_head.c.id)).first() is None:
        connection.execute(insert(tables.store_head).values(id=1, identity=secrets.token_hex(16)))
    connection.execute(select(tables.store_head.c.id).with_for_update())
    known = tables.nodes.c.name == node
    before: int | None = connection.execute(select(tables.nodes.c.epoch).where(known)).scalar()
    epoch = (before or 0) + 1
    opened = {"opened_by": program(), "opened_ms": now_ms, "epoch": epoch}
    if before is None:
        connection.execute(
            insert(tables.nodes).values(name=node, audit_hash=FIRST_PREVIOUS, **opened)
        )
    else:
        connection.execute(update(tables.nodes).where(known).values(**opened))
    return Identity(node, epoch)


def _use_write_ahead(engine: Engine) -> None:
    """The journal's mode stays with the file; it can only be set outside of transactions."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


def _must_exist(location: Location) -> None:
    if not os.path.exists(location.database):
        raise NotAStore(f"there is no state in {location.folder!r}")
