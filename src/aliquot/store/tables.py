"""The tables, as the newest migration leaves them; a test compares the two.

Tables and statements, and no objects that a session tracks: a row is read into a plain object of
model/, and every write is a statement that says what it does. What only Aliquot reads lies in a
JSON text; what the database selects by or guards is a column. Times are milliseconds since 1970.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from aliquot.model.shares import WHOLE
from aliquot.store.words import clean

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Words(TypeDecorator[str]):
    """Text that people or programs gave us."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Clean what goes in."""
        return None if value is None else clean(value)


def _number(name: str, *more: Any, default: int | None = None) -> Column[Any]:
    filled = None if default is None else str(default)
    return Column(name, BigInteger, *more, nullable=False, server_default=filled)


def _words(name: str, *more: Any, default: str | None = None) -> Column[Any]:
    return Column(name, Words, *more, nullable=False, server_default=default)


def _maybe(name: str, kind: Any = BigInteger) -> Column[Any]:
    return Column(name, kind, nullable=True)


# One row. Whoever changes anything holds it, so changes come one after another.
store_head = Table(
    "store_head",
    metadata,
    Column(
        "id",
        SmallInteger,
        CheckConstraint("id = 1", name="one"),
        primary_key=True,
        autoincrement=False,
    ),
    _words("identity"),
    _number("event_sequence", default=0),
    _number("queue_tag", default=0),
    _number("swept_ms", default=0),
    _number("trusted_from_ms", default=0),
)

nodes = Table(
    "nodes",
    metadata,
    Column("name", Words, primary_key=True),
    _number("epoch", default=0),
    _words("opened_by"),
    _number("opened_ms"),
    _number("audit_sequence", default=0),
    _words("audit_hash"),
)

devices = Table(
    "devices",
    metadata,
    Column("uuid", Words, primary_key=True),
    _words("node"),
    _words("name"),
    _number("memory"),
    _number("present"),
    _number("simulated"),
    _words("facts"),
    _words("settings"),
    _number("reserved_memory", default=0),
    _number("reserved_guarantee", default=0),
    _number("seen_ms"),
    # What the transactions reckon, the database holds: no fault of ours promises anything twice.
    CheckConstraint("reserved_memory BETWEEN 0 AND memory", name="memory"),
    CheckConstraint(f"reserved_guarantee BETWEEN 0 AND {WHOLE}", name="guarantee"),
)

groups = Table(
    "groups",
    metadata,
    Column("id", Words, primary_key=True),
    _words("name"),
    _words("tenant"),
    _number("created_ms"),
    Index("ux_groups_name", "tenant", "name", unique=True),
)

vgpus = Table(
    "vgpus",
    metadata,
    Column("id", Words, primary_key=True),
    _words("name"),
    _words("tenant"),
    _words("node"),
    Column("group_id", Words, ForeignKey("groups.id"), nullable=True, index=True),
    _words("state"),
    _words("reason"),
    _words("reason_code"),
    _maybe("failed_from", Words),
    _number("generation"),
    _words("spec"),
    _words("status"),
    _maybe("expires_ms"),
    _number("created_ms"),
    _number("changed_ms"),
    _maybe("deleted_ms"),
    _maybe("apart", Words),
    _words("reason_lines", default=""),
    Index(
        "ux_vgpus_living_name",
        "tenant",
        "name",
        unique=True,
        sqlite_where=text("deleted_ms IS NULL"),
        postgresql_where=text("deleted_ms IS NULL"),
    ),
    Index("ix_vgpus_deleted_ms", "deleted_ms"),
    Index("ix_vgpus_expires_ms", "expires_ms"),
    Index("ix_vgpus_tenant_apart", "tenant", "apart"),
)

labels = Table(
    "labels",
    metadata,
    Column("vgpu_id", Words, ForeignKey("vgpus.id"), primary_key=True),
    Column("key", Words, primary_key=True),
    _words("value"),
    Index("ix_labels_key_value", "key", "value"),
)

reservations = Table(
    "reservations",
    metadata,
    Column("vgpu_id", Words, ForeignKey("vgpus.id"), primary_key=True),
    Column("device_uuid", Words, ForeignKey("devices.uuid"), primary_key=True, index=True),
    # 0 is a place of hardware of which nobody tells how much memory it has.
    _number("memory", CheckConstraint("memory >= 0", name="memory")),
    _number("guarantee", CheckConstraint("guarantee >= 0", name="guarantee")),
)

leases = Table(
    "leases",
    metadata,
    Column("id", Words, primary_key=True),
    _words("vgpu_id", ForeignKey("vgpus.id")),
    _words("tenant"),
    _words("kind"),
    _words("holder"),
    _number("enforced"),
    _number("since_ms"),
    _maybe("released_ms"),
    _words("ending"),
    Index("ix_leases_vgpu_id_released_ms", "vgpu_id", "released_ms"),
)

queue = Table(
    "queue",
    metadata,
    Column("vgpu_id", Words, ForeignKey("vgpus.id"), primary_key=True),
    _words("tenant"),
    _number("tag"),
    _number("sequence"),
    _number("since_ms"),
    _maybe("until_ms"),
    Index("ux_queue_order", "tag", "sequence", unique=True),
)

profiles = Table(
    "profiles",
    metadata,
    Column("name", Words, primary_key=True),
    _words("body"),
    _number("generation"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Words, primary_key=True),
    _words("tenant"),
    _words("name"),
    _words("role"),
    _words("scope"),
    _words("hash"),
    _number("created_ms"),
    _maybe("expires_ms"),
    _maybe("revoked_ms"),
    _maybe("maker", Words),
    Index("ix_tokens_maker", "maker"),
)

events = Table(
    "events",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    _number("at_ms"),
    _words("node"),
    _words("kind"),
    _words("subject"),
    _words("tenant"),
    _words("body"),
    Index("ix_events_at_ms", "at_ms"),
)

audit = Table(
    "audit",
    metadata,
    Column("node", Words, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    _number("at_ms"),
    _words("actor"),
    _words("action"),
    _words("subject"),
    _words("body"),
    _words("previous"),
    _words("hash"),
)

series_subjects = Table(
    "series_subjects",
    metadata,
    Column("id", Integer, primary_key=True),
    _words("kind"),
    _words("name"),
    Index("ux_series_subjects_name", "kind", "name", unique=True),
)

# A ring a subject and resolution: the cell is the slot modulo the ring's length.
series = Table(
    "series",
    metadata,
    Column("subject_id", Integer, ForeignKey("series_subjects.id"), primary_key=True),
    Column("resolution", SmallInteger, primary_key=True, autoincrement=False),
    Column("cell", Integer, primary_key=True, autoincrement=False),
    _number("slot"),
    _number("samples"),
    Column("body", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

receipts = Table(
    "receipts",
    metadata,
    Column("id", Words, primary_key=True),
    _words("vgpu_id"),
    _words("tenant"),
    _number("ended_ms"),
    _words("body"),
    Index("ix_receipts_vgpu_id_ended_ms", "vgpu_id", "ended_ms"),
    Index("ix_receipts_ended_ms", "ended_ms"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("tenant", Words, primary_key=True),
    Column("key", Words, primary_key=True),
    _words("request"),
    _words("answer"),
    _number("at_ms"),
    Index("ix_idempotency_at_ms", "at_ms"),
)
