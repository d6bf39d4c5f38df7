"""States of every schema in the history are brought up to date, and keep their data."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import LargeBinary, MetaData, insert, select

from aliquot.store import Location, Store, check, engine, idempotency, schema, tables
from tests.contract.store.places import NODE, START_MS, Place
from tests.contract.store.schemas import write

VERSIONS = Path(schema.__file__).parent / "migrations/versions"


def kept_of(revision: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((write.FOLDER / f"{revision}.json").read_text())
    return found


def at_revision(place: Place, revision: str) -> Location:
    """An empty state as the version of that revision made it."""
    where = place.empty()
    if not where.url:
        engine.create_file(where.database)
    with engine.writing(engine.make(where)).begin() as connection:
        schema.upgrade(connection, revision)
    return where


def put_rows(where: Location, rows: dict[str, list[dict[str, Any]]]) -> None:
    """The rows, into the tables as they are there and not as tables.py has them now."""
    with engine.writing(engine.make(where)).begin() as connection:
        found = MetaData()
        found.reflect(connection)
        for table in found.sorted_tables:
            for row in rows.get(table.name, []):
                for column in table.columns:
                    if isinstance(column.type, LargeBinary):
                        row[column.name] = bytes.fromhex(row[column.name])
                connection.execute(insert(table).values(row))
        missing = rows.keys() - {table.name for table in found.sorted_tables}
        assert not missing


def assert_within(old: Any, new: Any, path: str = "") -> None:
    """All that was told is told still; fields may have come."""
    if isinstance(old, dict):
        for key, value in old.items():
            assert_within(value, new[key], f"{path}.{key}")
    elif isinstance(old, list):
        assert len(old) == len(new), path
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            assert_within(one, other, f"{path}[{number}]")
    else:
        assert old == new, path


@pytest.mark.parametrize("revision", schema.revisions())
def test_a_state_of_each_schema_keeps_its_data(place: Place, revision: str) -> None:
    kept = kept_of(revision)
    where = at_revision(place, revision)
    put_rows(where, kept["rows"])
    with Store.open(where, NODE, clock=lambda: START_MS) as store:
        with store.look() as view:
            assert_within(kept["told"], write.told(view))
            assert list(check.problems(view)) == []
        with store.change("alice") as change:
            answer = idempotency.answer(change, "alice", "key", {"name": "leased"})
            assert answer == {"id": kept["told"]["labelled"][0]}


@pytest.mark.parametrize("revision", schema.revisions())
def test_a_migration_that_was_released_is_not_edited(sqlite_place: Place, revision: str) -> None:
    where = at_revision(sqlite_place, revision)
    with sqlite3.connect(where.database) as connection:
        found = write.statements(connection)
    assert found == kept_of(revision)["schema"], "a change of the schema is a new migration"


def test_who_kept_away_by_a_label_is_looked_up_by_it(place: Place) -> None:
    rows = kept_of("0002")["rows"]
    for row in rows["vgpus"]:
        if row["name"] == "leased":
            row["spec"] = json.dumps(json.loads(row["spec"]) | {"apart": "team"})
    where = at_revision(place, "0002")
    put_rows(where, rows)
    with Store.open(where, NODE, clock=lambda: START_MS) as store, store.look() as view:
        found = view.connection.execute(select(tables.vgpus.c.name, tables.vgpus.c.apart))
        assert {row.name for row in found if row.apart == "team"} == {"leased"}


def test_every_revision_has_its_state(sqlite_place: Place) -> None:
    files = {path.stem for path in write.FOLDER.glob("*.json")}
    assert files == set(schema.revisions()), "run: python -m tests.contract.store.schemas.write"
    assert all(
        kept_of(revision)["rows"][name] for revision in files for name in tables.metadata.tables
    )


def test_revisions_follow_one_another(sqlite_place: Place) -> None:
    before = None
    for path in sorted(VERSIONS.glob("v*.py")):
        text = path.read_text()
        found = re.search(r'^revision = "(\d{4})"$', text, re.MULTILINE)
        assert found
        assert path.name.startswith(f"v{found[1]}_")
        after = f'"{before}"' if before else "None"
        assert f"\ndown_revision = {after}\n" in text
        before = found[1]
    assert before == schema.revisions()[-1]


def test_the_tables_are_what_the_migrations_make(place: Place) -> None:
    where = at_revision(place, "head")
    with engine.make(where).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []


def test_a_state_that_is_up_to_date_needs_no_alembic(sqlite_place: Place) -> None:
    where = sqlite_place.made()
    program = (
        "import sys\nfrom aliquot.store import Location, Store\n"
        "Store.open(Location(sys.argv[1]), 'n').close()\n"
        "assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, where.folder], check=True)
