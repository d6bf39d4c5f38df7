"""Writes what a state of the newest schema is: `python -m tests.contract.store.schemas.write`.

One file a revision, made when the revision is made and kept for good: the statements of its schema
on SQLite, rows of every table, and what the store told of them. test_migrations.py brings the rows
up to date from each of them.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from aliquot.model.access_token import Role
from aliquot.model.lease import Holder, LeaseKind
from aliquot.model.lifecycle import VgpuState
from aliquot.model.profile import Profile
from aliquot.model.receipt_record import ReceiptRecord
from aliquot.model.series import RESOLUTIONS, Sample
from aliquot.store import (
    Location,
    Store,
    View,
    audit,
    devices,
    events,
    groups,
    idempotency,
    leases,
    lifecycle,
    profiles,
    queue,
    receipts,
    reservations,
    schema,
    series,
    tokens,
    vgpus,
)
from tests.contract.store.places import DEVICE, GIB, NODE, OTHER, START_MS, put_device, ready, spec

FOLDER = Path(__file__).parent


def fill(store: Store) -> None:
    """Something in every table."""
    with store.change("root") as change:
        put_device(change, DEVICE, facts={"clock": 1500, "links": [1, 2]})
        put_device(change, OTHER, simulated=True)
        devices.set_up(change, DEVICE, {"policy": "equal-share"})
        profiles.put(change, Profile(name="4g", memory=4 * GIB, description="four"))
        tokens.create(change, "alice", "ci", Role.USER, scope=("vgpus",), expires_ms=START_MS * 2)
        group = groups.create(change, "job", "alice").id
        wanted = spec(2 * GIB, 2500, labels={"team": "a"}, profile="4g", expires_ms=START_MS * 2)
        made = vgpus.create(change, "leased", "alice", wanted, device=DEVICE, group=group).id
        lifecycle.transition(change, made, VgpuState.READY)
        holder = Holder(user_id=1000, process_id=7, process_started=9, name="train")
        lease = leases.begin(change, made, "alice", LeaseKind.PROCESS, holder, enforced=False)
        waits = vgpus.create(change, "waits", "bob", spec(labels={"app": "db"}, apart="app")).id
        queue.enter(change, waits, START_MS + 1000)
        failed = ready(change, "failed").id
        lifecycle.transition(change, failed, VgpuState.FAILED, "it fell", code="ALQ-E110")
        lifecycle.transition(change, ready(change, "gone").id, VgpuState.DELETED)
        series.add(change, [Sample("vgpu", made, START_MS, {"consumed": 25, "copied": 1e6})])
        receipts.keep(
            change,
            ReceiptRecord(
                id="r",
                vgpu=made,
                vgpu_name="leased",
                tenant="alice",
                lease=lease.id,
                began_ms=START_MS,
                ended_ms=START_MS + 9,
                promise={"compute": 25.0},
                spending={"wall_ns": 9},
            ),
        )
        idempotency.remember(change, "alice", "key", {"name": "leased"}, {"id": made})


def told(view: View) -> dict[str, Any]:
    """All that the store tells, as plain JSON."""
    every = vgpus.listed(view, vgpus.Filter(states=frozenset(VgpuState)))
    found = {
        "vgpus": every,
        "labelled": [kept.id for kept in vgpus.listed(view, vgpus.Filter(labels={"team": "a"}))],
        "devices": devices.listed(view),
        "reservations": [reservations.of_vgpu(view, kept.id) for kept in every],
        "groups": groups.listed(view),
        "leases": leases.listed(view, ended=True),
        "queue": queue.waiting(view),
        "profiles": profiles.listed(view),
        "tokens": tokens.listed(view),
        "events": events.since(view, 0),
        "audit": [row._asdict() for row in audit.listed(view, actor="root")],
        "receipts": receipts.listed(view),
        "series": [
            [
                [point.at_ms, point.samples, {name: list(s) for name, s in point.values.items()}]
                for resolution in RESOLUTIONS
                for point in series.points(
                    view, "vgpu", kept.id, resolution, until_ms=START_MS + 1000
                )
            ]
            for kept in every
        ],
    }
    return json.loads(msgspec.json.encode(found))


def main() -> int:
    """Write the file of the newest revision, unless there is one."""
    revision = schema.revisions()[-1]
    file = FOLDER / f"{revision}.json"
    if file.exists():
        print(f"{file.name} exists, and stays as it is", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        where = Location(folder)
        with Store.open(where, NODE, clock=lambda: START_MS) as store:
            fill(store)
            with store.look() as view:
                answer = told(view)
        with sqlite3.connect(where.database) as connection:
            kept = {"schema": statements(connection), "rows": rows(connection), "told": answer}
    file.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    print(f"wrote {file.name}", file=sys.stderr)
    return 0


def statements(connection: sqlite3.Connection) -> list[str]:
    """The schema's statements, white space aside."""
    found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
    return [" ".join(sql.split()) for (sql,) in found]


def rows(connection: sqlite3.Connection) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables; bytes as hexadecimal digits."""
    connection.row_factory = sqlite3.Row
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    return {
        name: [
            {key: row[key].hex() if isinstance(row[key], bytes) else row[key] for key in row.keys()}  # noqa: SIM118
            for row in connection.execute(f"SELECT * FROM {name}")
        ]
        for (name,) in names.fetchall()
        if name != "alembic_version"
    }


if __name__ == "__main__":
    sys.exit(main())
