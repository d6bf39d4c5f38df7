"""Events, audit, tokens, receipts, idempotency: what is written beside the vGPUs."""

from __future__ import annotations

import hashlib
import syslog
import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import text

from aliquot import errors
from aliquot.model.access_token import Role
from aliquot.model.audit import AuditHead
from aliquot.model.event import Event
from aliquot.model.lifecycle import VgpuState
from aliquot.model.receipt_record import ReceiptRecord
from aliquot.store import Store, audit, events, idempotency, lifecycle, receipts, tokens, vgpus
from tests.contract.store.agreement import assert_agree
from tests.contract.store.places import NODE, Clock, Place, ready, spec


def test_events_are_numbered_without_gaps_and_a_failed_change_leaves_none(store: Store) -> None:
    told: list[Event] = []
    stop = store.watch(told.extend)
    with store.look() as view:
        start = view.event_sequence()
    for number in range(5):
        with store.change("alice") as change:
            ready(change, f"v{number}")
        with pytest.raises(errors.NameTaken), store.change("alice") as change:  # noqa: PT012
            ready(change, f"w{number}")
            ready(change, f"v{number}")
    stop()
    with store.change("alice") as change:
        vgpu = ready(change, "last", tenant="bob").id
    with store.look() as view:
        found = events.since(view, start)
        assert [event.sequence for event in found] == list(range(start + 1, start + 13))
        assert told == found[:10]  # as they are read, and those of failed changes never
        assert {event.kind for event in found} == {"vgpu.pending", "vgpu.ready"}
        assert [event.subject for event in events.since(view, 0, tenant="bob")] == [vgpu, vgpu]
        assert [e.sequence for e in events.since(view, start, limit=3)] == [
            start + n for n in (1, 2, 3)
        ]
        assert events.since(view, start + 12) == []
        assert_agree(view)


def test_a_watcher_is_told_when_it_has_missed_something(store: Store) -> None:
    with store.change("alice") as change:
        ready(change, "one")
    with store.look() as view:
        newest = view.event_sequence()
        with pytest.raises(errors.EventsForgotten):
            events.since(view, newest + 1)
    with store.change("system") as change:
        change.connection.execute(text("DELETE FROM events WHERE sequence < 3"))
    with store.look() as view:
        with pytest.raises(errors.EventsForgotten):
            events.since(view, 1)
        assert events.since(view, 2)[0].sequence == 3
    with store.change("system") as change:
        change.connection.execute(text("DELETE FROM events"))
    with store.look() as view:
        with pytest.raises(errors.EventsForgotten):
            events.since(view, newest - 1)
        assert events.since(view, newest) == []


def test_two_hundred_watchers_see_every_event_once(store: Store) -> None:
    """Each reads at its own pace; the numbers alone are what it goes by."""
    with store.look() as view:
        start = view.event_sequence()
    newest = start
    told = threading.Condition()

    def tell(happened: Sequence[Event]) -> None:
        nonlocal newest
        with told:
            newest = happened[-1].sequence
            told.notify_all()

    def watch(mine: list[int], at_once: int) -> None:
        at = start
        while at < start + 40:
            with told:
                assert told.wait_for(lambda: newest > at, 120)  # noqa: B023 - at once
            with store.look() as view:
                mine += [event.sequence for event in events.since(view, at, limit=at_once)]
            at = mine[-1]

    seen: list[list[int]] = [[] for _ in range(200)]
    threads = [
        threading.Thread(target=watch, args=(mine, 1 + number % 50))
        for number, mine in enumerate(seen)
    ]
    store.watch(tell)
    for thread in threads:
        thread.start()
    for number in range(20):
        with store.change("alice") as change:
            ready(change, f"v{number}", spec(1))
    for thread in threads:
        thread.join(120)
    assert all(mine == list(range(start + 1, start + 41)) for mine in seen)


def test_a_sound_audit_is_sound(store: Store) -> None:
    with store.change("alice\0") as change:
        ready(change, "one")
        change.note("odd", "subject\0", text="\ud800", number=1.5)
    with store.look() as view:
        assert audit.verify(view) == []
        assert (
            audit.listed(view, actor="alice\N{REPLACEMENT CHARACTER}", limit=1)[0].action == "odd"
        )
        (head, _) = audit.heads(view)  # ours, and the template's
        assert audit.verify(view, [head]) == []
        assert audit.heads_in([f"Nov 26 x aliquot-audit: {audit.line_of(head)}\n", "else"]) == [
            head
        ]


def test_heads_are_sent_to_the_system_log(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(syslog, "syslog", lambda _level, line: lines.append(line))
    with store.look() as view:
        told = audit.export_heads(view)
        assert told == audit.heads(view)
    assert audit.heads_in(lines) == told


CHANGES = {
    "at_ms": "at_ms + 1",
    "actor": "'mallory'",
    "action": "action || 'x'",
    "subject": "'x'",
    "body": "'{}'",
    "previous": "hash",
    "hash": "previous",
    "sequence": "sequence + 1000",
    "node": "'elsewhere'",
}


def tamper(store: Store, statement: str) -> None:
    """What who can write the database can do, the trigger out of the way."""
    on_sqlite = not store.location.url
    with store.engine.execution_options(aliquot_writes=True).begin() as connection:
        if on_sqlite:
            connection.exec_driver_sql("DROP TRIGGER IF EXISTS audit_is_not_changed")
            connection.exec_driver_sql("DROP TRIGGER IF EXISTS audit_is_not_removed")
        else:
            connection.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER ALL")
        connection.exec_driver_sql(statement)


def test_tampering_with_any_row_is_found(place: Place) -> None:
    """Each column of each row, and each row's removal; the first broken row is named."""
    with place.opened() as store:
        with store.change("alice") as change:
            ready(change, "one")
        with store.look() as view:
            rows = audit.listed(view, node=NODE)
            sound = audit.verify(view)
        assert (sound, len(rows)) == ([], 6)
        for row in rows:
            here = f"node = '{NODE}' AND sequence = {row.sequence}"
            for column, value in CHANGES.items():
                kept = getattr(row, column)
                tamper(store, f"UPDATE audit SET {column} = {value} WHERE {here}")
                with store.look() as view:
                    broken = {found.node: found for found in audit.verify(view)}
                assert broken[NODE].sequence == row.sequence, (column, broken)
                changed = here
                if column == "sequence":
                    changed = f"node = '{NODE}' AND sequence = {row.sequence + 1000}"
                elif column == "node":
                    changed = f"node = 'elsewhere' AND sequence = {row.sequence}"
                back = str(kept) if isinstance(kept, int) else "'" + kept.replace("'", "''") + "'"
                tamper(store, f"UPDATE audit SET {column} = {back} WHERE {changed}")
                with store.look() as view:
                    assert audit.verify(view) == []
        for row in reversed(rows):
            tamper(store, f"DELETE FROM audit WHERE node = '{NODE}' AND sequence = {row.sequence}")
            with store.look() as view:
                (found,) = audit.verify(view)
                assert (found.node, found.sequence) == (NODE, row.sequence)


def test_a_chain_that_is_written_anew_or_cut_is_found_by_the_log(store: Store) -> None:
    with store.look() as view:
        known = [head for head in audit.heads(view) if head.node == NODE]
    (head,) = known
    other = hashlib.sha256(b"another").hexdigest()
    with store.look() as view:
        (found,) = audit.verify(view, [AuditHead(NODE, head.sequence, other)])
        assert (found.sequence, "log" in found.why) == (head.sequence, True)
        before = audit.listed(view, node=NODE)[-2]
    tamper(store, f"DELETE FROM audit WHERE node = '{NODE}' AND sequence = {head.sequence}")
    tamper(
        store,
        f"UPDATE nodes SET audit_sequence = {before.sequence}, audit_hash = '{before.hash}' "
        f"WHERE name = '{NODE}'",
    )
    with store.look() as view:
        assert audit.verify(view) == []
        assert audit.verify(view, known)[0].sequence == head.sequence
        assert audit.verify(view, [AuditHead("gone", 3, other)])[0].node == "gone"


def test_audit_rows_can_not_be_changed_by_accident(store: Store) -> None:
    for statement in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit"):
        with pytest.raises(Exception, match="only ever added"), store.change("a") as change:
            change.connection.execute(text(statement))


def test_tokens(store: Store, clock: Clock) -> None:
    with store.change("root") as change:
        made, secret = tokens.create(
            change, "alice", "laptop", Role.USER, scope=("vgpus",), expires_ms=clock.now + 100
        )
        other, _ = tokens.create(change, "bob", "ci", Role.VIEWER)
    assert made.role.covers(Role.VIEWER)
    assert not made.role.covers(Role.ADMIN)
    with store.look() as view:
        assert tokens.authenticate(view, secret) == made
        assert tokens.listed(view, "alice") == [made]
        for wrong in ("", secret[:-1], secret[:-1] + ("A" if secret[-1] != "A" else "B"), "ü",
                      secret.replace(made.id, other.id), secret + "\n"):  # fmt: skip
            with pytest.raises(errors.TokenRefused) as refused:
                tokens.authenticate(view, wrong)
            assert not wrong or wrong not in str(refused.value)
        everything = "".join(
            str(row)
            for table in ("tokens", "audit", "events")
            for row in view.connection.execute(text(f"SELECT * FROM {table}"))
        )
    assert secret.split("_", 2)[2] not in everything
    clock.now += 100
    with pytest.raises(errors.TokenRefused), store.look() as view:
        tokens.authenticate(view, secret)
    clock.now -= 100
    with store.change("root") as change:
        assert tokens.revoke(change, made.id).revoked_ms == clock.now
    with pytest.raises(errors.TokenRefused), store.look() as view:
        tokens.authenticate(view, secret)


def test_a_request_that_is_sent_again_is_done_once(store: Store) -> None:
    def create(key: str, name: str) -> str:
        request = {"name": name, "spec": spec()}
        with store.change("alice") as change:
            before = idempotency.answer(change, "alice", key, request)
            if before is not None:
                return str(before["id"])
            made = vgpus.create(change, name, "alice", spec())
            idempotency.remember(change, "alice", key, request, {"id": made.id})
            return made.id

    assert create("k", "one") == create("k", "one") != create("l", "two")
    with pytest.raises(errors.IdempotencyKeyReused):
        create("k", "three")
    with store.look() as view:
        assert len(vgpus.listed(view)) == 2


def test_receipts(store: Store, clock: Clock) -> None:
    def ended(number: int, vgpu: str) -> ReceiptRecord:
        return ReceiptRecord(
            id=f"r{number}", vgpu=vgpu, vgpu_name="one", tenant="alice", lease="l",
            began_ms=clock.now, ended_ms=clock.now + number, promise={"memory": 1},
            spending={"wall_ns": 5, "parts": {"kernels": 0.5}},
        )  # fmt: skip

    with store.change("alice") as change:
        vgpu = ready(change, "one").id
        for number in (0, 1, 2, 2):
            receipts.keep(change, ended(number, vgpu))
    with store.look() as view:
        assert [kept.id for kept in receipts.listed(view, vgpu=vgpu)] == ["r2", "r1", "r0"]
        assert receipts.get(view, "r2") == ended(2, vgpu)
        assert receipts.listed(view, tenant="bob") == []
        assert len(receipts.listed(view, since_ms=clock.now + 1)) == 2


def test_what_is_wrong_within_a_change_undoes_all_of_it(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.change("alice") as change:  # noqa: PT012
        vgpu = ready(change, "one").id
        lifecycle.transition(change, vgpu, VgpuState.SUSPENDED)
        raise ZeroDivisionError
    with store.look() as view:
        assert vgpus.listed(view) == []
        assert_agree(view)
    with store.change("alice"), pytest.raises(RuntimeError, match="within"), store.change("alice"):
        pass
