"""Receipts of leases: each kept once, what of the vGPU's sums is whose, and who is shown them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot.daemon.caller import Caller
from aliquot.daemon.receipts import Baselines, Receipts, keep
from aliquot.errors import BadRequest
from aliquot.model.access_token import Role
from aliquot.model.device_record import DeviceRecord
from aliquot.model.lease import Holder, Lease, LeaseKind
from aliquot.model.lifecycle import VgpuState
from aliquot.model.receipt import Receipt
from aliquot.model.vgpu_record import VgpuRecord, VgpuSpec
from aliquot.store import Location, Store, devices, leases, lifecycle, vgpus
from tests.fakes.looks import DEVICE, SECOND

ALICE = Caller(tenant="alice", role=Role.USER)
BOB = Caller(tenant="bob", role=Role.USER)
ADMIN = Caller(tenant="root", role=Role.ADMIN)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.now = 1_800_000_000_000
        self.store = Store.open(Location(str(folder)), "n", clock=lambda: self.now)
        with self.store.change("test") as change:
            devices.put(change, DeviceRecord(uuid=DEVICE, node="n", name="CPU", memory=8 << 30))
        self.receipts = Receipts(self.store)

    def create(self, tenant: str = "alice") -> VgpuRecord:
        with self.store.change("test") as change:
            made = vgpus.create(change, "one", tenant, VgpuSpec(memory=1 << 20), device=DEVICE)
            return lifecycle.transition(change, made.id, VgpuState.READY)

    def begin(self, vgpu: VgpuRecord) -> Lease:
        with self.store.change("test") as change:
            return leases.begin(
                change, vgpu.id, vgpu.tenant, LeaseKind.PROCESS, Holder(), enforced=False
            )

    def end(
        self, vgpu: VgpuRecord, lease: Lease, told: Receipt, baseline: Receipt | None = None
    ) -> None:
        with self.store.change("test") as change:
            keep(change, leases.release(change, lease.id), vgpu, told, baseline)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    made = Bench(folder)
    yield made
    made.store.close()


def told(seconds: int, processes: int = 1) -> Receipt:
    """What a device host tells of programs that lived so long and had the device half of it."""
    return Receipt(
        alive_ns=seconds * SECOND,
        covered_ns=seconds * SECOND,
        kernels_ns=seconds * SECOND // 2,
        held_ns=seconds * SECOND // 2,
        turns=100 * seconds,
        processes=processes,
    )


def test_a_lease_after_another_is_charged_for_itself_alone(bench: Bench) -> None:
    vgpu = bench.create()
    for sum_of_seconds in (4, 6):
        lease = bench.begin(vgpu)
        bench.now += 5000
        bench.end(vgpu, lease, told(sum_of_seconds))
    newest, oldest = bench.receipts.list(ALICE).items
    assert oldest.spending["wall_ns"] == newest.spending["wall_ns"] == 5 * SECOND
    assert oldest.spending["received"]["held_ns"] == 2 * SECOND
    assert newest.spending["received"]["held_ns"] == 1 * SECOND
    assert sum(newest.spending["parts_ns"].values()) == 5 * SECOND
    assert newest.promise["memory"] == 1 << 20


def test_one_that_overlaps_is_counted_from_its_own_beginning(bench: Bench) -> None:
    vgpu = bench.create()
    baselines = Baselines()
    first = bench.begin(vgpu)
    baselines.begin(first.id, told(0))
    bench.now += 3000
    second = bench.begin(vgpu)
    baselines.begin(second.id, told(3))
    bench.now += 1000
    bench.end(vgpu, first, told(4), baselines.end(first.id))
    bench.now += 1000
    bench.end(vgpu, second, told(5), baselines.end(second.id))
    (receipt,) = bench.receipts.list(ALICE, lease=second.id).items
    assert receipt.spending["received"]["covered_ns"] == 2 * SECOND
    assert baselines.end(second.id) is None


def test_a_vgpu_that_counts_anew_is_taken_at_its_word(bench: Bench) -> None:
    vgpu = bench.create()
    for seconds in (9, 2):
        lease = bench.begin(vgpu)
        bench.now += 10_000
        bench.end(vgpu, lease, told(seconds))
    newest = bench.receipts.list(ALICE).items[0]
    assert newest.spending["received"]["covered_ns"] == 2 * SECOND


def test_a_receipt_is_kept_once(bench: Bench) -> None:
    vgpu = bench.create()
    lease = bench.begin(vgpu)
    bench.now += 1000
    for seconds in (1, 2):
        bench.end(vgpu, lease, told(seconds))
    (receipt,) = bench.receipts.list(ALICE).items
    assert receipt.spending["received"]["covered_ns"] == 1 * SECOND


def test_pages_have_each_receipt_once(bench: Bench) -> None:
    vgpu = bench.create()
    made: list[str] = []
    for number in range(5):
        lease = bench.begin(vgpu)
        bench.end(vgpu, lease, told(number))  # all within the same millisecond
        made.append(lease.id)
    seen: list[str] = []
    cursor = None
    while True:
        page = bench.receipts.list(ALICE, limit=2, cursor=cursor)
        seen += [receipt.lease for receipt in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert seen == made[::-1]
    for bad in ("", "x", "1", "1.", "-1.a", "99999999999999999.a"):
        if bad:
            with pytest.raises(BadRequest):
                bench.receipts.list(ALICE, cursor=bad)


def test_others_receipts_are_not_there(bench: Bench) -> None:
    vgpu = bench.create()
    lease = bench.begin(vgpu)
    bench.end(vgpu, lease, told(1))
    assert bench.receipts.list(BOB).items == []
    assert bench.receipts.list(BOB, lease=lease.id).items == []
    assert len(bench.receipts.list(ADMIN, lease=lease.id).items) == 1
    assert len(bench.receipts.list(ADMIN, vgpu=vgpu.id).items) == 1
