"""Backup while the state is used, and restore, also from one database to the other."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from aliquot import errors
from aliquot.model.access_token import Role
from aliquot.model.series import RESOLUTIONS, Sample
from aliquot.store import (
    Location,
    Store,
    audit,
    backup,
    check,
    events,
    restore,
    series,
    tokens,
    vgpus,
)
from tests.contract.store.dying import ended_by, forked
from tests.contract.store.places import (
    DEVICE,
    NODE,
    START_MS,
    Place,
    device,
    put_device,
    ready,
    spec,
)

NOW = START_MS + 1000


def filled(place: Place, names: tuple[str, ...] = ("one", "two")) -> Location:
    where = place.made()
    with (
        Store.open(where, NODE, clock=lambda: START_MS) as store,
        store.change("alice") as change,
    ):
        put_device(change, DEVICE)
        for name in names:
            ready(change, name)
        series.add(change, [Sample("device", DEVICE, START_MS, {"busy": 50})])
        tokens.create(change, "alice", "ci", Role.USER)
    return where


def names_in(where: Location) -> list[str]:
    with Store.open_to_read(where) as store, store.look() as view:
        assert list(check.problems(view)) == []
        return [kept.name for kept in vgpus.listed(view)]


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest) -> Place:
    fixture = "sqlite_place" if request.param == "sqlite" else "server_place"
    found: Place = request.getfixturevalue(fixture)
    return found


def test_what_is_restored_is_what_was_backed_up(
    place: Place, target: Place, tmp_path: Path
) -> None:
    source = filled(place)
    file = str(tmp_path / "backup.db")
    written = backup.write(source, file)
    status = Path(file).stat()
    assert (written.path, written.bytes) == (file, status.st_size)
    assert status.st_mode & 0o777 == 0o600
    assert files_in(tmp_path) == ["backup.db"]
    where = filled(target, ("other",))
    restore.restore(where, file, "root", NOW)
    assert names_in(where) == ["one", "two"]
    with Store.open(where, NODE) as store:
        with store.look() as view:
            (point,) = series.points(view, "device", DEVICE, RESOLUTIONS[0], until_ms=NOW)
            assert point.values["busy"].mean == 50
            assert device(view).reserved_memory == 2 << 30
            assert [kept.name for kept in tokens.listed(view)] == ["ci"]
            restored = [row for row in audit.listed(view) if row.action == "store.restored"]
            assert {row.actor for row in restored} == {"root"}
            with pytest.raises(errors.EventsForgotten):
                events.since(view, 1)
        with store.change("alice") as change:
            ready(change, "three")
            series.add(change, [Sample("device", "new", START_MS, {"busy": 50})])
        with store.look() as view:
            assert list(check.problems(view)) == []


def test_a_place_without_a_state_can_be_restored_into(
    target: Place, tmp_path: Path, sqlite_place: Place
) -> None:
    file = str(tmp_path / "backup.db")
    backup.write(filled(sqlite_place), file)
    where = target.empty()
    restore.restore(where, file, "root", NOW)
    assert names_in(where) == ["one", "two"]


def test_a_backup_is_one_moment_of_a_state_in_use(place: Place, tmp_path: Path) -> None:
    """Each change makes two vGPUs: no backup has one of them."""
    ended = threading.Event()
    with place.opened() as store:

        def write() -> None:
            number = 0
            while not ended.is_set():
                number += 1
                with store.change("alice") as change:
                    for half in ("a", "b"):
                        vgpus.create(change, f"v{number}{half}", "alice", spec(1))

        writer = threading.Thread(target=write)
        writer.start()
        try:
            counts: list[int] = []
            for number in range(6):
                file = tmp_path / f"backup{number}.db"
                backup.write(store.location, str(file))
                with sqlite3.connect(file) as connection:
                    (count,) = connection.execute("SELECT count(*) FROM vgpus").fetchone()
                    counts.append(count)
                time.sleep(0.05)
        finally:
            ended.set()
            writer.join(60)
    assert all(count % 2 == 0 for count in counts)
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]
    where = place.empty()
    restore.restore(where, str(tmp_path / "backup5.db"), "root", NOW)
    assert len(names_in(where)) == counts[-1]


def test_a_state_in_use_is_not_restored(place: Place, tmp_path: Path) -> None:
    where = filled(place)
    file = str(tmp_path / "backup.db")
    backup.write(where, file)
    with Store.open(where, NODE) as store:
        with pytest.raises(errors.StoreInUse, match="process"):
            restore.restore(where, file, "root", NOW)
        with store.change("alice") as change:
            ready(change, "three")
    assert names_in(where) == ["one", "two", "three"]


def test_a_daemon_from_before_can_not_go_on(server_place: Place, tmp_path: Path) -> None:
    where = filled(server_place)
    file = str(tmp_path / "backup.db")
    backup.write(where, file)
    old = Store.open(where, NODE)
    for lock in old._locks:
        lock.release()
    restore.restore(where, file, "root", NOW)
    with pytest.raises(errors.StoreTaken), old.change("alice"):
        pass
    old._locks.clear()
    old.close()
    assert names_in(where) == ["one", "two"]


def test_files_that_are_no_backup(target: Place, sqlite_place: Place, tmp_path: Path) -> None:
    where = filled(target)
    good = tmp_path / "good.db"
    backup.write(filled(sqlite_place), str(good))
    whole = good.read_bytes()
    bad = tmp_path / "bad.db"
    damaged = whole[:8192] + os.urandom(len(whole) - 8192)
    for content in (b"", b"letters " * 4000, whole[: len(whole) // 2], damaged):
        bad.write_bytes(content)
        with pytest.raises(errors.BadBackup):
            restore.restore(where, str(bad), "root", NOW)
    with pytest.raises(errors.BadBackup):
        restore.restore(where, str(tmp_path / "missing"), "root", NOW)
    bad.write_bytes(whole)
    with sqlite3.connect(bad) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(errors.NewerSchema):
        restore.restore(where, str(bad), "root", NOW)
    assert names_in(where) == ["one", "two"]


def test_a_backup_takes_no_other_file_s_place(place: Place, tmp_path: Path) -> None:
    where = filled(place)
    file = tmp_path / "there"
    file.write_text("mine")
    for path in (file, tmp_path / "no" / "folder"):
        with pytest.raises(errors.BadBackup):
            backup.write(where, str(path))
    assert file.read_text() == "mine"
    with pytest.raises(errors.NotAStore):
        backup.write(place.empty(), str(tmp_path / "nothing"))
    assert files_in(tmp_path) == ["there"]


def test_what_was_replaced_is_kept(sqlite_place: Place, tmp_path: Path) -> None:
    where = filled(sqlite_place)
    file = str(tmp_path / "backup.db")
    backup.write(where, file)
    with Store.open(where, NODE) as store, store.change("alice") as change:
        ready(change, "three")
    restore.restore(where, file, "root", NOW)
    replaced = Path(where.folder) / restore.REPLACED
    with sqlite3.connect(replaced) as connection:
        assert connection.execute("SELECT count(*) FROM vgpus").fetchone() == (3,)


def test_a_damaged_state_can_be_restored(sqlite_place: Place, tmp_path: Path) -> None:
    where = filled(sqlite_place)
    file = str(tmp_path / "backup.db")
    backup.write(where, file)
    Path(where.database).write_bytes(b"ruins" * 1000)
    Path(where.database + "-wal").write_bytes(b"more ruins")
    restore.restore(where, file, "root", NOW)
    assert names_in(where) == ["one", "two"]


@pytest.mark.parametrize("number", range(12))
def test_a_restore_that_is_killed(place: Place, tmp_path: Path, number: int) -> None:
    """The state is the one before or the one restored, never something else or nothing."""
    where = filled(place, ("old",))
    with Store.open(where, NODE) as store, store.change("alice") as change:
        ready(change, "older")
    file = str(tmp_path / "backup.db")
    backup.write(filled(place, ("new",)), file)
    child = forked(lambda: void(restore.restore(where, file, "root", NOW)))
    time.sleep(0.01 + number * 0.02)
    os.kill(child, signal.SIGKILL)
    ended_by(child)
    assert names_in(where) in (["old", "older"], ["new"])
    with Store.open(where, NODE) as store, store.change("alice") as change:
        ready(change, "next")
    restore.restore(where, file, "root", NOW)
    assert names_in(where) == ["new"]


def void(_: object) -> None:
    return


def test_a_backup_beyond_the_disk(sqlite_place: Place, tmp_path: Path) -> None:
    where = filled(sqlite_place)
    file = str(tmp_path / "backup.db")

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        with pytest.raises(errors.BadBackup, match="room"):
            backup.write(where, file)

    assert ended_by(forked(work)) == 0
    assert files_in(tmp_path) == []
