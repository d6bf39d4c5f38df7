"""A receipt as the API tells it, made again what it was at the end of its lease."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aliquot.cli.receipt import Promise
from aliquot.model.receipt import Parts, Receipt, Spending
from aliquot.model.shares import PriorityClass, Shares

if TYPE_CHECKING:
    from aliquot.model.api.leases import ReceiptResource


def promise_of(told: ReceiptResource) -> Promise:
    """What was promised."""
    promise = told.promise
    word = str(promise.get("priority", "normal")).upper()
    return Promise(
        _whole(promise, "memory"),
        Shares(
            round(100 * float(promise.get("compute", 0))),
            round(100 * float(promise.get("compute_limit", 100))),
            max(1, _whole(promise, "weight")),
            PriorityClass.__members__.get(word, PriorityClass.NORMAL),
        ),
    )


def spending_of(told: ReceiptResource) -> Spending:
    """Where the time went. What a newer daemon tells in addition is left out."""
    parts: dict[str, Any] = told.spending.get("parts_ns", {})
    received: dict[str, Any] = told.spending.get("received", {})
    return Spending(
        _whole(told.spending, "wall_ns"),
        Parts(*(_whole(parts, name) for name in Parts._fields)),
        Receipt(*(_whole(received, name) for name in Receipt._fields)),
    )


def _whole(told: dict[str, Any], name: str) -> int:
    value = told.get(name, 0)
    return value if isinstance(value, int) else 0
