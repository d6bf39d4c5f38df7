"""What the store costs: creating with 100 and with 2,000 vGPUs there, and listing 2,000."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot.model.lifecycle import VgpuState
from aliquot.store import Location, Store, lifecycle, location, vgpus
from tests.absent import absent
from tests.contract.store import postgresql
from tests.contract.store.places import DEVICE, GIB, NODE, put_device, spec

pytestmark = pytest.mark.performance
# The promises are of the API, which has its own cost; the store has half of each.
CREATE_MS = {100: 25.0, 2000: 50.0}
LIST_MS = 50.0


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Location]:
    if request.param == "sqlite":
        yield Location(str(tmp_path / "state"))
        return
    found = postgresql.programs()
    if found is None:
        absent("PostgreSQL is not installed here (Debian's package postgresql)")
    with postgresql.running(found) as server:
        yield location.parse(server.database())


def create(store: Store, name: str) -> float:
    begun = time.perf_counter()
    with store.change("alice") as change:
        wanted = spec(1 << 20, labels={"team": "a"})
        made = vgpus.create(change, name, "alice", wanted, device=DEVICE)
        lifecycle.transition(change, made.id, VgpuState.READY)
    return (time.perf_counter() - begun) * 1000


def test_creating_and_listing(where: Location) -> None:
    with Store.open(where, NODE) as store:
        with store.change("root") as change:
            put_device(change, DEVICE, 1024 * GIB)
        there = 0
        for count, bound in CREATE_MS.items():
            with store.change("alice") as change:
                for number in range(there, count):
                    wanted = spec(1 << 20, labels={"team": "a"})
                    vgpus.create(change, f"v{number}", "alice", wanted, device=DEVICE)
            took = sorted(create(store, f"with{count}-{number}") for number in range(200))
            there = count + 200
            print(f"create with {count}: p50 {took[100]:.1f} ms, p99 {took[197]:.1f} ms")
            assert took[197] <= 2 * bound
        times: list[float] = []
        for _ in range(10):
            begun = time.perf_counter()
            with store.look() as view:
                assert len(vgpus.listed(view, limit=2000)) == 2000
            times.append((time.perf_counter() - begun) * 1000)
        print(f"list of 2,000: {min(times):.1f} to {max(times):.1f} ms")
        assert sorted(times)[5] <= 2 * LIST_MS
