"""A writer that is killed leaves a change whole or not at all, and nothing that was acknowledged is
lost.
"""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from aliquot.model.lease import Holder, LeaseKind
from aliquot.model.lifecycle import VgpuState
from aliquot.store import Store, audit, leases, lifecycle, vgpus
from tests.contract.store.agreement import assert_agree
from tests.contract.store.dying import die_at_statement, ended_by, forked, write_until_killed
from tests.contract.store.places import DEVICE, NODE, OTHER, Place, put_device, ready, spec

ROUNDS = 25


def test_kills_at_random_moments(place: Place) -> None:
    where = place.made()
    with Store.open(where, NODE) as store, store.change("root") as change:
        for uuid in (DEVICE, OTHER):
            put_device(change, uuid)
    chance = random.Random(1)
    changes = 0
    longest = 0.15  # seconds of writing
    for seed in range(ROUNDS):
        reads, writes = os.pipe()
        child = forked(lambda seed=seed, to=writes: write_until_killed(where, seed, to))
        os.close(writes)
        with os.fdopen(reads, "rb") as told:
            assert told.readline() == b"open\n"
            time.sleep(chance.random() * longest)
            os.kill(child, signal.SIGKILL)
            # A line that was cut off was not acknowledged.
            lines = [line for line in told if line.endswith(b"\n")]
        assert ended_by(child) == signal.SIGKILL
        changes += len(lines)
        if not lines:  # a busy machine: fewer kills shall come before the first change
            longest = min(2.0, longest * 1.5)
        with Store.open(where, NODE) as store, store.look() as view:
            assert_agree(view)
            assert view.event_sequence() >= max(map(int, lines), default=0)
    assert changes > ROUNDS


def test_kills_before_every_statement_of_a_change(place: Place) -> None:
    """Of making a vGPU with a lease: before each statement and before the commit."""
    died = 0
    for number in range(1, 100):
        where = place.made()
        with Store.open(where, NODE) as store, store.change("root") as change:
            put_device(change, DEVICE)
            before = change.event_sequence()

        def work() -> None:
            with Store.open(where, NODE) as store:  # noqa: B023 - done within this round
                die_at_statement(store, number, lambda: _lease_one(store))  # noqa: B023

        ended = ended_by(forked(work))
        with Store.open(where, NODE) as store, store.look() as view:
            assert_agree(view)
            if ended == 0:
                assert [kept.state for kept in vgpus.listed(view)] == [VgpuState.LEASED]
                break
            assert ended == signal.SIGKILL
            assert vgpus.listed(view) == []
            assert view.event_sequence() >= before
        died += 1
    assert 10 < died < 99


def _lease_one(store: Store) -> None:
    with store.change("alice") as change:
        made = vgpus.create(change, "one", "alice", spec(labels={"a": "b"}), device=DEVICE)
        lifecycle.transition(change, made.id, VgpuState.READY)
        leases.begin(change, made.id, "alice", LeaseKind.VM, Holder(), enforced=True)


@pytest.mark.parametrize("number", range(1, 12))
def test_kills_while_a_state_is_made(place: Place, number: int) -> None:
    """The migration is one transaction, too."""
    where = place.empty()
    reads, writes = os.pipe()

    def work() -> None:
        os.write(writes, b"x")
        Store.open(where, NODE)
        time.sleep(60)

    child = forked(work)
    os.read(reads, 1)
    time.sleep(number * 0.02)
    os.kill(child, signal.SIGKILL)
    ended_by(child)
    for end in (reads, writes):
        os.close(end)
    with Store.open(where, NODE) as store:
        with store.change("root") as change:
            put_device(change, DEVICE)
            ready(change, "one")
        with store.look() as view:
            assert_agree(view)
            assert audit.listed(view, node=NODE)
