"""State: what survives the daemon. docs/store.md tells what is kept, how long, and how it lasts.

`Store` opens it; `store.change()` and `store.look()` give the transactions; one module a concern
has the functions that work in them: devices, vgpus, lifecycle, reservations, leases, queue, groups,
profiles, tokens, events, audit, series, receipts, idempotency, retention, backup, restore, check.
"""

from aliquot.store.change import Change, View
from aliquot.store.location import Location
from aliquot.store.store import Store

__all__ = ["Change", "Location", "Store", "View"]
