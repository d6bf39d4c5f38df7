"""Making a vGPU asks the database little, however many there are: statements, since time is noisy.

What that costs in time is measured by `aliquot bench daemon`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from aliquot.model.api.vgpus import VgpuWanted
from aliquot.store import events
from tests.contract.daemon.house import ADMIN, GIB, ONE, House
from tests.fakes.device_hosts import FakeMachine, device

MOST = 36  # of which two are the commits that an acknowledged vGPU takes, and two begin a look
LABELS = {"team": "vision", "apart": "team"}


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[House]:
    """A daemon whose threads run."""
    home = House(tmp_path, FakeMachine(device(ONE, 64 * GIB)))
    home.service._start()
    yield home
    home.service.close()


@contextmanager
def statements(home: House) -> Iterator[Counter[str]]:
    """How many each thread had, by its name."""
    found: Counter[str] = Counter()

    def before(*_: object) -> None:
        found[threading.current_thread().name] += 1

    event.listen(home.store.engine, "before_cursor_execute", before)
    yield found
    event.remove(home.store.engine, "before_cursor_execute", before)


def make(home: House, name: str) -> None:
    wanted = VgpuWanted(name=name, memory=1 << 20, labels=LABELS)
    assert home.service.vgpus.create(ADMIN, wanted).settled


def test_one_more_takes_as_few_statements_as_the_first(busy: House) -> None:
    own = threading.current_thread().name
    with statements(busy) as first:
        make(busy, "first")
    for number in range(100):
        make(busy, f"v{number}")
    with statements(busy) as one_more:
        make(busy, "one-more")
    assert one_more[own] <= first[own] <= MOST


def test_nobody_reads_what_they_were_told(busy: House) -> None:
    make(busy, "first")
    threading.Event().wait(0.5)  # all looks of before
    with statements(busy) as found:
        for number in range(5):
            make(busy, f"v{number}")
        threading.Event().wait(0.5)
    names = {name for name in found if name.startswith(("queue", "reconciler_"))}
    assert not names, "what its maker has made ready is looked at by nobody else"


def test_who_is_told_knows_what_the_state_has(busy: House) -> None:
    told: list[object] = []
    stop = busy.store.watch(told.extend)
    with busy.store.look() as view:
        begin = view.event_sequence()
    make(busy, "first")
    busy.service.vgpus.delete(ADMIN, "first")
    stop()
    with busy.store.look() as view:
        assert told == events.since(view, begin)
