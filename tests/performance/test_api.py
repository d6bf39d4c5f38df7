"""What the API costs: creating with 100 and 2,000 vGPUs there, listing 2,000, and being idle.

On a simulated device: what a device host takes for its part is measured where there is one. The
bounds are doubled, for the machine may do other things.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aliquot.client.rest import Client
from aliquot.model.api.vgpus import VgpuWanted
from tests.contract.api.daemon_process import Daemon, running
from tests.quiet import Quiet

pytestmark = pytest.mark.performance

TOLERANCE = 2
ATTEMPTS = 3  # a miss counts when it is one each time
CREATE_MS = {100: 50.0, 2000: 100.0}
LIST_MS = 100.0
IDLE_KB = 90 * 1024
# Of one core: with no vGPU, and with 200.
IDLE_SHARE = {0: 0.01, 200: 0.02}
IDLE_SECONDS = 10.0
_TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """A daemon with nothing to do."""
    with tempfile.TemporaryDirectory(prefix="alq-") as folder, running(Path(folder)) as daemon:
        yield daemon


def made(client: Client, name: str) -> None:
    """A vGPU."""
    client.vgpus.create(VgpuWanted(name=name, memory=1 << 20, device="0", labels={"team": "a"}))


def milliseconds(act: Callable[[], object]) -> float:
    """How long something takes."""
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def creating(client: Client, there: int) -> list[float]:
    """Milliseconds that each of 200 vGPUs took to make, the fastest first; they are gone again."""
    names = [f"with{there}-{number}" for number in range(200)]
    took = sorted(milliseconds(lambda name=name: made(client, name)) for name in names)
    for name in names:
        client.vgpus.delete(name)
    return took


def test_creating_and_listing(daemon: Daemon) -> None:
    with daemon.client() as client:
        there = 0
        for count, bound in CREATE_MS.items():
            for number in range(there, count):
                made(client, f"v{number}")
            there = count
            quiet, told = Quiet(), ""
            for _ in range(ATTEMPTS):
                with quiet:
                    took = creating(client, count)
                told = f"create with {count}: p50 {took[100]:.1f} ms, p99 {took[197]:.1f} ms"
                print(told)
                if took[197] <= TOLERANCE * bound:
                    break
            else:
                quiet.missed(told)

        def list_all() -> None:
            found = 0
            cursor: str | None = None
            while True:
                page = client.vgpus.list(limit=1000, cursor=cursor)
                found += len(page.items)
                cursor = page.next
                if cursor is None:
                    break
            assert found == 2000

        lists = sorted(milliseconds(list_all) for _ in range(10))
        print(f"list of 2,000: p50 {lists[5]:.1f} ms, most {lists[-1]:.1f} ms")
        assert lists[5] <= TOLERANCE * LIST_MS


@pytest.mark.parametrize("vgpus", IDLE_SHARE)
def test_being_idle(daemon: Daemon, vgpus: int) -> None:
    with daemon.client() as client:
        for number in range(vgpus):
            made(client, f"v{number}")
    process = Path("/proc") / str(daemon.process.pid)

    def ticks() -> int:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    time.sleep(2)
    before, began = ticks(), time.monotonic()
    time.sleep(IDLE_SECONDS)
    share = (ticks() - before) / _TICKS / (time.monotonic() - began)
    resident = next(
        int(line.split()[1])
        for line in (process / "status").read_text().splitlines()
        if line.startswith("VmRSS:")
    )
    print(f"idle with {vgpus}: {share:.2%} of a core, {resident / 1024:.0f} MB")
    assert share <= TOLERANCE * IDLE_SHARE[vgpus]
    assert resident <= IDLE_KB
