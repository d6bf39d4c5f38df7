"""The command line's parts that ask the daemon several times, on a made-up one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from aliquot.cli import waiting
from aliquot.cli.help_text import help_text
from aliquot.cli.kept_receipt import promise_of, spending_of
from aliquot.cli.labels import labels_of
from aliquot.cli.paging import every
from aliquot.cli.parser import Parser
from aliquot.cli.recent_events import newest
from aliquot.cli.waiting import until_placed
from aliquot.client.rest import Client
from aliquot.errors import BadLabel, EventsForgotten, WaitedInVain
from aliquot.model.api.leases import ReceiptResource
from aliquot.model.lifecycle import VgpuState


class FakeEvents:
    """A daemon's events: those of the caller among all, and the first that is kept."""

    def __init__(self, own: list[int], last: int, first: int = 1) -> None:
        self.own, self.last, self.first = own, last, first
        self.asked = 0
        self.events = self
        self.node = self

    def show(self) -> Any:
        return SimpleNamespace(sequence=self.last)

    def since(self, sequence: int, limit: int) -> Any:
        self.asked += 1
        assert self.asked < 100
        if sequence < self.first - 1:
            raise EventsForgotten("too long ago")
        items = [SimpleNamespace(sequence=n) for n in self.own if n > sequence][:limit]
        return SimpleNamespace(items=items, sequence=self.last)

    def newest(self, limit: int) -> list[int]:
        listed, sequence = newest(cast("Client", self), limit)
        assert sequence == self.last
        return [event.sequence for event in listed]


def test_the_newest_events_are_found_however_sparse_they_are() -> None:
    everything = list(range(1, 5001))
    assert FakeEvents(everything, 5000).newest(3) == [4998, 4999, 5000]
    assert FakeEvents([7, 4000], 5000).newest(2) == [7, 4000]
    assert FakeEvents([7, 4000], 5000).newest(20) == [7, 4000]
    assert FakeEvents([], 5000).newest(20) == []
    assert FakeEvents([], 0).newest(20) == []
    assert FakeEvents(everything, 5000).newest(0) == []
    assert FakeEvents(everything, 5000).newest(2000) == everything[-2000:]


def test_what_is_forgotten_is_not_asked_for_again() -> None:
    kept = list(range(4990, 5001))
    assert FakeEvents(kept, 5000, first=4990).newest(3) == [4998, 4999, 5000]
    assert FakeEvents([4995], 5000, first=4000).newest(20) == [4995]
    assert FakeEvents([], 5000, first=5001).newest(20) == []


def test_all_pages_come_one_after_another() -> None:
    pages = {None: ([1, 2], "a"), "a": ([3], "b"), "b": ([], None)}

    def fetch(cursor: str | None) -> Any:
        items, following = pages[cursor]
        return SimpleNamespace(items=items, next=following)

    listed: Any = every(fetch)
    assert list(listed) == [1, 2, 3]


def vgpu(state: VgpuState, reason: str = "") -> Any:
    return SimpleNamespace(id="0", name="a", state=state, reason=reason, queue_position=2)


def waited(*states: Any) -> Any:
    told = list(states)
    client = SimpleNamespace(vgpus=SimpleNamespace(show=lambda _: told.pop(0)))
    return until_placed(cast("Client", client), told.pop(0), 60_000)


def test_waiting_ends_with_a_place_or_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_SHORTEST_S", 0)
    pending, ready = vgpu(VgpuState.PENDING), vgpu(VgpuState.READY)
    assert waited(ready) is ready
    assert waited(pending, pending, ready) is ready
    for state in (VgpuState.FAILED, VgpuState.DELETED):
        with pytest.raises(WaitedInVain, match="the device was lost"):
            waited(pending, vgpu(state, "the device was lost"))
    monkeypatch.setattr(waiting, "_GRACE_S", -61.0)
    with pytest.raises(WaitedInVain, match="number 2 in the queue"):
        waited(pending)


def test_a_receipt_of_a_newer_daemon_is_read_as_far_as_it_goes() -> None:
    told = ReceiptResource(
        id="0", vgpu="0", vgpu_name="a", tenant="t", lease="0", began_ms=0, ended_ms=1,
        promise={"memory": 5, "compute": 12.5, "priority": "urgent", "more": []},
        spending={"wall_ns": 9, "parts_ns": {"kernels": 4, "new": 1}, "received": {"turns": "x"}},
    )  # fmt: skip
    assert promise_of(told).memory == 5
    assert promise_of(told).shares.guarantee == 1250
    spending = spending_of(told)
    assert (spending.wall_ns, spending.parts.kernels, spending.receipt.turns) == (9, 4, 0)


@pytest.mark.parametrize(
    "text", ["", "a", "=b", "a=b c", "a b=c", "-a=b", "a=\x1b", "a" * 64 + "=b"]
)
def test_what_is_no_label(text: str) -> None:
    with pytest.raises(BadLabel):
        labels_of(cast("Any", SimpleNamespace(label=[text])))


def test_labels() -> None:
    given = SimpleNamespace(label=["team=a", "team=a", "app/part=", "x.y=1"])
    assert labels_of(cast("Any", given)) == {"team": "a", "app/part": "", "x.y": "1"}
    with pytest.raises(BadLabel, match="twice"):
        labels_of(cast("Any", SimpleNamespace(label=["a=1", "a=2"])))


def test_help_fits_its_columns() -> None:
    parser = Parser("try", "Tries.", example="aliquot try", exit_status="0.")
    parser.add_argument("what", metavar="WHAT", nargs="?", help="what to try " * 10)
    parser.add_argument("--option-with-a-long-name", metavar="VALUE", help="a word " * 20)
    text = help_text(parser, 60)
    assert text.startswith("usage: aliquot try [OPTIONS] [WHAT]\n\nTries.\n")
    assert max(len(line) for line in text.splitlines()) <= 60
    assert text.endswith("example:\n  aliquot try\n\nexit status: 0.\n")
