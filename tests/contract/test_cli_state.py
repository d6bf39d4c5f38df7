"""`aliquot backup`, `restore` and `audit`, on a state folder of the test's own."""

from __future__ import annotations

import json
import sqlite3

import pytest

from aliquot.model.vgpu_record import VgpuSpec
from aliquot.store import Location, Store, audit, vgpus
from tests.fakes.installation import FakeInstallation


@pytest.fixture
def where(fakes: FakeInstallation) -> Location:
    place = Location(fakes.environment["ALIQUOT_STATE"])
    with Store.open(place, "node-a") as store, store.change("alice") as change:
        vgpus.create(change, "one", "alice", VgpuSpec(memory=1))
    return place


def test_backup_and_restore(fakes: FakeInstallation, where: Location) -> None:
    file = fakes.directory / "backup.db"
    with Store.open(where, "node-a") as store:
        done = fakes.run("backup", str(file))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"{file}: ")
        again = fakes.run("backup", str(file))
        assert (again.returncode, "ALQ-E313" in again.stderr) == (2, True)
        refused = fakes.run("restore", str(file))
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "ALQ-E301: process " in refused.stderr
        with store.change("alice") as change:
            vgpus.create(change, "two", "alice", VgpuSpec(memory=1))
    done = fakes.run("restore", str(file), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == where.folder
    with Store.open_to_read(where) as store, store.look() as view:
        assert [kept.name for kept in vgpus.listed(view)] == ["one"]


def test_audit(fakes: FakeInstallation, where: Location) -> None:
    rows = json.loads(fakes.run("audit", "list", "--json").stdout)["audit"]
    assert [row["action"] for row in rows] == ["store.opened", "vgpu.pending", "vgpu.spec"]
    assert rows[1]["body"]["name"] == "one"
    (row,) = json.loads(
        fakes.run("audit", "list", "--actor", "alice", "--limit", "1", "--json").stdout
    )["audit"]
    assert row["subject"] == rows[1]["subject"]
    table = fakes.run("audit", "list", "--subject", row["subject"])
    assert (table.returncode, table.stdout.count("alice") >= 2) == (0, True)
    assert fakes.run("audit", "list", "--node", "none").stdout == "nothing was done that fits\n"
    done = fakes.run("audit", "verify")
    assert (done.returncode, done.stdout) == (0, "node node-a: 3 rows, as they were written\n")


def test_audit_finds_what_was_altered(fakes: FakeInstallation, where: Location) -> None:
    log = fakes.directory / "log"
    with Store.open_to_read(where) as store, store.look() as view:
        (head,) = audit.heads(view)
    log.write_text(f"Nov 26 12:00:00 host aliquot-audit: {audit.line_of(head)}\n")
    done = fakes.run("audit", "verify", "--log", str(log))
    assert (done.returncode, "compared with 1 heads" in done.stdout) == (0, True)
    with sqlite3.connect(where.database) as connection:
        connection.execute("DROP TRIGGER audit_is_not_changed")
        connection.execute("UPDATE audit SET actor = 'mallory' WHERE sequence = 2")
    done = fakes.run("audit", "verify", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["sound"]) == (1, False)
    assert [(found["node"], found["sequence"]) for found in report["broken"]] == [("node-a", 2)]
    done = fakes.run("audit", "verify")
    assert (done.returncode, "broken at row 2" in done.stdout) == (1, True)


def test_where_there_is_no_state(fakes: FakeInstallation) -> None:
    for arguments in (["audit", "list"], ["audit", "verify"], ["backup", "x"]):
        done = fakes.run(*arguments)
        assert (done.returncode, "ALQ-E311" in done.stderr) == (2, True)
    fakes.environment["ALIQUOT_STATE"] = "mysql://me:secret@host/db"
    done = fakes.run("audit", "list")
    assert (done.returncode, "ALQ-E307" in done.stderr, "secret" in done.stderr) == (2, True, False)


@pytest.mark.parametrize(
    "arguments",
    [
        ["backup"],
        ["restore"],
        ["audit"],
        ["audit", "mend"],
        ["audit", "list", "--log", "x"],
        ["audit", "list", "--limit", "0"],
        ["audit", "verify", "--actor", "x"],
        ["audit", "verify", "--log", "/nowhere"],
    ],
)
def test_bad_command_lines(fakes: FakeInstallation, arguments: list[str]) -> None:
    done = fakes.run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("aliquot: ALQ-E201: ")
