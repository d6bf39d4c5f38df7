"""Whether rows, events and audit tell the same: what a crash may not tear apart."""

from __future__ import annotations

from aliquot.model.lifecycle import VgpuState
from aliquot.store import View, audit, check, events, leases, vgpus

# Only to watch: nobody has to answer for these.
_UNANSWERED = {"vgpu.explained", "receipt.kept"}
_STATES = {f"vgpu.{state}": state for state in VgpuState}


def assert_agree(view: View) -> None:
    """Rows are what the events say that happened, and each of these events has its audit row."""
    assert list(check.problems(view)) == []
    told = []
    while some := events.since(view, told[-1].sequence if told else 0):
        told += some
    assert [event.sequence for event in told] == list(range(1, view.event_sequence() + 1))
    states: dict[str, VgpuState] = {}
    in_force: set[str] = set()
    for event in told:
        if event.kind in _STATES:
            states[event.subject] = _STATES[event.kind]
        if event.kind == "lease.begun":
            in_force.add(event.subject)
        elif event.kind == "lease.released":
            in_force.discard(event.subject)
    every = vgpus.Filter(states=frozenset(VgpuState))
    assert {kept.id: kept.state for kept in vgpus.listed(view, every)} == states
    assert {lease.id for lease in leases.listed(view)} == in_force
    kinds = {event.kind for event in told} - _UNANSWERED
    for head in audit.heads(view):
        noted = [
            (row.action, row.subject)
            for row in audit.listed(view, node=head.node, limit=1_000_000)
            if row.action in kinds
        ]
        answered = [event for event in told if event.kind in kinds and event.node == head.node]
        assert noted == [(event.kind, event.subject) for event in answered]
