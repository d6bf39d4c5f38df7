"""Receipts at the end of leases: kept once each, listed to whom they belong."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import msgspec

from aliquot.daemon import access
from aliquot.daemon.caller import Caller
from aliquot.errors import BadRequest, IllegalTransition
from aliquot.model.api.leases import ReceiptPage, ReceiptResource, RunningReceipt
from aliquot.model.lease import Lease
from aliquot.model.receipt import Receipt, divide
from aliquot.model.receipt_record import ReceiptRecord
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.store import Change, Store, View, receipts

MOST_LISTED = 1000


class Baselines:
    """What vGPUs had had when leases of them began, as long as these are in force.

    A device host counts for as long as it has the vGPU, so that of a lease is a difference. What is
    forgotten with the daemon is found again in the receipt that was kept before, see `keep`.
    """

    def __init__(self) -> None:
        """None is known."""
        self._lock = threading.Lock()
        self._begun: dict[str, Receipt] = {}

    def begin(self, lease: str, receipt: Receipt) -> None:
        """A lease has begun."""
        with self._lock:
            self._begun[lease] = receipt

    def leases(self) -> set[str]:
        """The leases whose beginning is known."""
        with self._lock:
            return set(self._begun)

    def end(self, lease: str) -> Receipt | None:
        """What there was when it began, if that is known; it is asked for once."""
        with self._lock:
            return self._begun.pop(lease, None)


def keep(
    change: Change,
    lease: Lease,
    vgpu: VgpuRecord,
    receipt: Receipt,
    baseline: Receipt | None = None,
) -> None:
    """Keep the receipt of a lease that ends; again, it changes nothing.

    `receipt` is what the device host tells of the vGPU by now, `baseline` what it told when the
    lease began. Without one it is what was told at the end of the last lease that ended before,
    since nobody uses a vGPU between leases. Where several leases overlap, each one's receipt tells
    of all that used the vGPU meanwhile.
    """
    ended_ms = change.now_ms if lease.released_ms is None else lease.released_ms
    if baseline is None:
        baseline = _told_before(change, lease)
    # A vGPU that was moved or made anew is counted anew.
    counted_on = receipt.covered_ns >= baseline.covered_ns and receipt.turns >= baseline.turns
    own = receipt.since(baseline) if counted_on else receipt
    spending = divide(own, max(0, ended_ms - lease.since_ms) * 1_000_000)
    receipts.keep(
        change,
        ReceiptRecord(
            id=lease.id,  # there is one a lease
            vgpu=vgpu.id,
            vgpu_name=vgpu.name,
            tenant=lease.tenant,
            lease=lease.id,
            began_ms=lease.since_ms,
            ended_ms=ended_ms,
            promise=_promise(vgpu),
            spending=spending.as_dict(),
            told=receipt._asdict(),
        ),
    )


class Receipts:
    """The receipts that are kept, and what a vGPU has had up to now."""

    def __init__(
        self, store: Store, told_of: Callable[[VgpuRecord], Receipt | None] = lambda _: None
    ) -> None:
        """Those of this state; `told_of` asks a vGPU's device host."""
        self._store = store
        self._told_of = told_of

    def now(self, caller: Caller, vgpu: str) -> RunningReceipt:
        """Where the time of a vGPU's programs went up to now.

        Raises NoSuchVgpu, IllegalTransition where no device host tells of it.
        """
        with self._store.look() as view:
            kept = access.vgpu_of(view, caller, vgpu)
        told = self._told_of(kept)
        if told is None:
            raise IllegalTransition(f"no device host tells of vGPU {kept.name!r} now")
        return RunningReceipt(
            vgpu=kept.id,
            vgpu_name=kept.name,
            promise=_promise(kept),
            received=told._asdict(),
        )

    def list(
        self,
        caller: Caller,
        *,
        vgpu: str | None = None,
        lease: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> ReceiptPage:
        """The caller's receipts (an admin's: all), the newest first; raises NoSuchVgpu, BadRequest.

        A lease that has none, or is another tenant's, has an empty list.
        """
        limit = max(1, min(limit, MOST_LISTED))
        before = _read_cursor(cursor) if cursor else None
        tenant = None if caller.is_admin else caller.tenant
        with self._store.look() as view:
            if vgpu is not None:
                vgpu = access.vgpu_of(view, caller, vgpu).id
            if lease is not None:
                one = receipts.get(view, lease)
                fits = one and caller.may_see(one.tenant) and vgpu in (None, one.vgpu)
                found = [one] if one and fits and cursor is None else []
            else:
                found = receipts.listed(
                    view, vgpu=vgpu, tenant=tenant, before=before, limit=limit + 1
                )
        more = found[limit - 1] if len(found) > limit else None
        return ReceiptPage(
            items=[_resource(receipt) for receipt in found[:limit]],
            next=f"{more.ended_ms}.{more.id}" if more else None,
        )


def _told_before(view: View, lease: Lease) -> Receipt:
    """What was told at the end of the last lease that ended before this one began."""
    for kept in receipts.listed(view, vgpu=lease.vgpu, before=(lease.since_ms + 1, ""), limit=1):
        return Receipt(**{name: kept.told.get(name, 0) for name in Receipt._fields})
    return Receipt()


def _promise(vgpu: VgpuRecord) -> dict[str, Any]:
    return {"memory": vgpu.spec.memory, **vgpu.spec.shares.as_dict()}


def _read_cursor(cursor: str) -> tuple[int, str]:
    ended, _, receipt = cursor.partition(".")
    if not ended.isdecimal() or not ended.isascii() or len(ended) > 16 or not receipt:
        raise BadRequest(f"{cursor[:80]!r} is no cursor of a list of receipts")
    return int(ended), receipt


def _resource(receipt: ReceiptRecord) -> ReceiptResource:
    fields: dict[str, Any] = msgspec.structs.asdict(receipt)
    del fields["told"]
    return ReceiptResource(**fields)
