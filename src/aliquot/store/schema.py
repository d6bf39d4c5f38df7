"""The schema's versions: what a database has, and bringing it up to date.

A migration runs in one transaction with all before it, on SQLite too: whoever is killed meanwhile
leaves the schema that was there. alembic is imported only where there is something to do.
"""

from __future__ import annotations

import os
import re

from sqlalchemy import Connection, inspect, text

from aliquot.errors import NewerSchema, NotAStore, OlderSchema

_FOLDER = os.path.join(os.path.dirname(__file__), "migrations")
_REVISION = re.compile(r"v(\d{4})_\w+\.py")
_VERSIONS = "alembic_version"


def revisions() -> list[str]:
    """All revisions, oldest first: each file is named after its own."""
    names = sorted(os.listdir(os.path.join(_FOLDER, "versions")))
    return [match.group(1) for name in names if (match := _REVISION.fullmatch(name))]


def revision_of(connection: Connection) -> str | None:
    """The database's revision; None where it is empty. Raises NotAStore where it is another's."""
    inspector = inspect(connection)
    if _VERSIONS not in (names := inspector.get_table_names()):
        if names:
            raise NotAStore(f"the database holds other tables ({', '.join(sorted(names)[:3])})")
        return None
    found = connection.execute(text(f"SELECT version_num FROM {_VERSIONS}")).scalars().all()  # noqa: S608
    if len(found) != 1 or "store_head" not in names:
        raise NotAStore("the database holds the tables of another program")
    return str(found[0])


def check(connection: Connection, *, may_be_older: bool = False) -> str | None:
    """Raise NewerSchema, OlderSchema or NotAStore unless this version can use what is there."""
    found = revision_of(connection)
    known = revisions()
    if found is not None and found not in known:
        raise NewerSchema(f"the state has schema {found}, and this version knows up to {known[-1]}")
    if found != known[-1] and not may_be_older:
        if found is None:
            raise NotAStore("the database is empty")
        raise OlderSchema(f"the state has schema {found}, and this version needs {known[-1]}")
    return found


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the database up to date, within the transaction that is open."""
    if check(connection, may_be_older=True) == revisions()[-1]:
        return
    from alembic import command
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", _FOLDER.replace("%", "%%"))
    settings.attributes["connection"] = connection
    command.upgrade(settings, to)
