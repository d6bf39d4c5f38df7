"""Whatever is wrong with the place: a clear error with its code, and no damage."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from aliquot import errors
from aliquot.store import Location, Store, engine, faults, location, lock, schema, vgpus
from tests.absent import absent
from tests.contract.store.agreement import assert_agree
from tests.contract.store.dying import ended_by, forked
from tests.contract.store.places import DEVICE, NODE, Place, put_device, ready, spec

MIB = 1 << 20


def fill(store: Store, kept: list[str]) -> None:
    """Make vGPUs until something stops it; those whose change was made are in `kept`."""
    for number in range(100_000):
        with store.change("alice") as change:
            made = vgpus.create(change, f"v{number}", "alice", spec(1, labels={"l": "x" * 60})).id
        kept.append(made)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "tmpfs", folder]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        absent("this root may not mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.needs_root
def test_a_full_disk(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * MIB)
    kept: list[str] = []
    with Store.open(Location(str(small_disk)), NODE) as store:
        with pytest.raises(errors.StoreFull) as full:
            fill(store, kept)
        assert full.value.code == "ALQ-E304"
        with store.look() as view:
            assert [vgpu.id for vgpu in vgpus.listed(view)] == kept
        with pytest.raises(errors.StoreFull):
            fill_one(store, "still full")
        ballast.unlink()
        fill_one(store, "there-is-room")
        with store.look() as view:
            assert len(vgpus.listed(view)) == len(kept) + 1
            assert_agree(view)


def fill_one(store: Store, name: str) -> None:
    with store.change("alice") as change:
        for number in range(20):
            change.note("filling", name, text="x" * 4000, number=number)
        vgpus.create(change, name.replace(" ", "-"), "alice", spec(1))


@pytest.mark.needs_root
def test_a_full_disk_while_a_state_is_made(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (3 * MIB - 100_000))
    with pytest.raises(errors.StoreFull):
        Store.open(Location(str(small_disk)), NODE)
    ballast.unlink()
    Store.open(Location(str(small_disk)), NODE).close()


def test_files_that_may_not_grow(sqlite_place: Place) -> None:
    """As an ordinary user's quota has it; the next process finds all that was acknowledged."""
    where = sqlite_place.made()
    reads, writes = os.pipe()

    def work() -> None:
        kept: list[str] = []
        with Store.open(where, NODE) as store:
            size = Path(where.database).stat().st_size + 1_000_000
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            with pytest.raises((errors.StoreFull, errors.StoreUnreachable)):
                fill(store, kept)
            os.write(writes, b"%d" % len(kept))

    assert ended_by(forked(work)) == 0
    kept = int(os.read(reads, 100))
    os.close(reads)
    os.close(writes)
    assert kept > 10
    with Store.open(where, NODE) as store, store.look() as view:
        assert len(vgpus.listed(view)) == kept
        assert_agree(view)


def test_a_locked_database(place: Place) -> None:
    where = place.made()
    with Store.open(where, NODE, wait=0.2) as store:
        with engine.writing(engine.make(where)).begin() as other:
            other.execute(text("SELECT id FROM store_head" + (" FOR UPDATE" if where.url else "")))
            with pytest.raises(errors.StoreLocked) as locked, store.change("alice"):
                pass
            with store.look() as view:  # readers don't wait
                assert vgpus.listed(view) == []
        assert locked.value.code == "ALQ-E303"
        with store.change("alice") as change:
            put_device(change, DEVICE)


def test_a_file_that_is_no_database(sqlite_place: Place) -> None:
    where = sqlite_place.empty()
    Path(where.database).write_bytes(b"This is a letter to my aunt. " * 1000)
    before = Path(where.database).read_bytes()
    for opening in (lambda: Store.open(where, NODE), lambda: Store.open_to_read(where)):
        with pytest.raises(errors.NotAStore):
            opening()
    assert Path(where.database).read_bytes() == before


def test_a_database_of_another_program(place: Place) -> None:
    where = place.empty()
    if not where.url:
        engine.create_file(where.database)
    with engine.writing(engine.make(where)).begin() as other:
        other.execute(text("CREATE TABLE letters (id INTEGER)"))
    for opening in (lambda: Store.open(where, NODE), lambda: Store.open_to_read(where)):
        with pytest.raises(errors.NotAStore, match="letters"):
            opening()
    with engine.make(where).begin() as other:
        assert other.execute(text("SELECT count(*) FROM letters")).scalar() == 0


def test_a_damaged_database(sqlite_place: Place) -> None:
    where = sqlite_place.made()
    with Store.open(where, NODE) as store, store.change("alice") as change:
        put_device(change, DEVICE)
        for number in range(50):
            ready(change, f"v{number}", spec(1))
    with open(where.database, "r+b") as file:
        size = file.seek(0, 2)
        for page in range(4096, size, 4096):
            file.seek(page)
            file.write(os.urandom(64))
    with pytest.raises(errors.DamagedStore) as damaged, Store.open(where, NODE):
        pass
    assert damaged.value.code == "ALQ-E312"


def test_a_newer_schema(place: Place) -> None:
    where = place.made()
    with engine.writing(engine.make(where)).begin() as other:
        other.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for opening in (lambda: Store.open(where, NODE), lambda: Store.open_to_read(where)):
        with pytest.raises(errors.NewerSchema, match="9999"):
            opening()


def test_an_older_schema_is_not_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    where = place.made()
    known = [*schema.revisions(), "9999"]
    monkeypatch.setattr(schema, "revisions", lambda: known)
    with pytest.raises(errors.OlderSchema, match="9999"):
        Store.open_to_read(where)


def test_reading_makes_nothing(sqlite_place: Place) -> None:
    where = sqlite_place.empty()
    with pytest.raises(errors.NotAStore):
        Store.open_to_read(where)
    assert list(Path(where.folder).iterdir()) == []


def test_a_reader_beside_a_daemon_can_not_write(place: Place) -> None:
    where = place.made()
    with Store.open(where, NODE) as store, Store.open_to_read(where) as reader:
        with store.change("alice") as change:
            put_device(change, DEVICE)
        with reader.look() as view:
            assert view.event_sequence() == 1
        with pytest.raises(RuntimeError, match="to read"), reader.change("mallory"):
            pass
        with pytest.raises(Exception, match=r"read.?only"), reader.look() as view:
            view.connection.execute(text("DELETE FROM events"))


@pytest.mark.parametrize(
    "address",
    [
        "mysql://me:secret@host/db",
        "postgresql://me:secret@host",
        "postgresql://me:secret@host:port/db",
        "://secret",
        "sqlite:////secret.db",
    ],
)
def test_a_wrong_url_is_told_without_its_password(address: str) -> None:
    with pytest.raises(errors.BadStoreUrl) as wrong:
        location.parse(address)
    assert "secret" not in str(wrong.value)


def test_a_server_that_is_not_there(server_place: Place, tmp_path: Path) -> None:
    assert server_place.server
    gone = location.parse(f"postgresql://me:secret@/db?host={tmp_path}")
    missing = location.parse(server_place.server.url("missing"))
    for where in (gone, missing):
        with pytest.raises(errors.StoreUnreachable) as unreachable:
            Store.open(where, NODE)
        assert "secret" not in str(unreachable.value)


def test_connections_that_are_lost_come_back(server_place: Place) -> None:
    with server_place.opened() as store:
        with store.change("alice") as change:
            ready(change, "one")
        end = text("SELECT pg_terminate_backend(pg_backend_pid())")
        with pytest.raises(errors.StoreUnreachable), store.look() as view:
            view.connection.execute(end)
        with pytest.raises(errors.StoreUnreachable), store.change("alice") as change:  # noqa: PT012
            ready(change, "two")
            change.connection.execute(end)
        with store.look() as view:
            assert [kept.name for kept in vgpus.listed(view)] == ["one"]
        with store.change("alice") as change:
            ready(change, "two")


def test_postgresql_without_its_driver() -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from aliquot import errors\nfrom aliquot.store import Store, location\n"
        "try: Store.open(location.parse('postgresql://h/d'), 'n')\n"
        "except errors.MissingStoreDriver as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "pip install 'aliquot[postgresql]'" in done.stdout, done.stderr


def test_errors_of_a_server_by_their_codes() -> None:
    class Told(Exception):
        def __init__(self, sqlstate: str) -> None:
            super().__init__("told")
            self.sqlstate = sqlstate

    kinds = {
        "53100": errors.StoreFull,
        "55P03": errors.StoreLocked,
        "57P01": errors.StoreUnreachable,
        "08006": errors.StoreUnreachable,
        "28P01": errors.StoreUnreachable,
        "XX001": errors.DamagedStore,
    }
    for state, kind in kinds.items():
        assert type(faults.of(Told(state), "there")) is kind
    assert faults.of(Told("23505"), "there") is None


def test_folders_that_can_not_be_used(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    file = tmp_path / "file"
    file.write_text("")
    for folder in (open_to_all, file, file / "below"):
        with pytest.raises(errors.BadStateDirectory):
            Store.open(Location(str(folder)), NODE)
    link = tmp_path / "closed"
    link.mkdir(mode=0o700)
    (link / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(errors.BadStateDirectory):
        Store.open(Location(str(link)), NODE)
    assert not (tmp_path / "elsewhere").exists()


def test_only_the_owner_can_read_the_state(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    with Store.open(Location(str(folder)), NODE):
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}


def test_the_usual_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ALIQUOT_STATE", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert location.usual().folder == "/var/lib/aliquot"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert location.usual().folder == "/home/me/.local/state/aliquot"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert location.usual().folder == str(tmp_path / "aliquot")
    monkeypatch.setenv("ALIQUOT_STATE", "postgres://me:secret@host/db")
    assert location.usual().shown == "postgresql+psycopg://me:***@host/db"


def test_what_a_lock_tells_is_short_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/aliquot", "serve", "--token", "secret"])
    assert lock.program() == "aliquot serve"
