"""vGPUs that are about to end, and whose place is worth a moment's wait.

`aliquot run` twice in a row: the first command has ended, and its vGPU goes with it only some
milliseconds later. Without a daemon the device host waits for that, and so does this one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from aliquot.daemon import processes
from aliquot.daemon.at_host import is_it
from aliquot.daemon.core import Core
from aliquot.daemon.hosts import NotRunning
from aliquot.errors import AliquotError
from aliquot.model.lease import Lease
from aliquot.model.lifecycle import Wanted
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.store import leases, vgpus

_MOST_SECONDS = 3.0
_LOOK_SECONDS = 0.1


class Endings:
    """One request's patience with them."""

    def __init__(self, core: Core) -> None:
        """Begin with the first wait."""
        self._core = core
        self._until: float | None = None

    def awaited(self) -> bool:
        """Wait a little, if some vGPU is about to end and this hasn't gone on for too long."""
        now = time.monotonic()
        first = self._until is None
        if self._until is None:
            self._until = now + _MOST_SECONDS
        if now >= self._until:
            return False
        with self._core.store.look() as view:
            living = vgpus.listed(view, vgpus.Filter(node=self._core.node))
            held = leases.listed(view)
        adopted = [kept for kept in living if kept.spec.adopted]
        # Whose command has only just ended, its device host still has.
        if not (adopted and first) and not _some_end(living, held) and not self._gone(adopted):
            return False
        return not self._core.stop.wait(_LOOK_SECONDS)

    def _gone(self, adopted: list[VgpuRecord]) -> bool:
        """Whether some of those made without the daemon are gone already, as will be observed."""
        for device in {kept.status.device for kept in adopted if kept.status.device}:
            try:
                usages = self._core.hosts.ask(device, lambda host: host.list_vgpus(), start=False)
            except NotRunning:
                return True
            except AliquotError:
                continue  # then it may have all of them
            here = [kept for kept in adopted if kept.status.device == device]
            if not all(any(is_it(usage, kept) for usage in usages) for kept in here):
                return True
        return False


def _some_end(living: Iterable[VgpuRecord], leased: Iterable[Lease]) -> bool:
    if any(kept.spec.wanted is Wanted.DELETED for kept in living):
        return True
    ephemeral = {kept.id for kept in living if kept.spec.ephemeral and not kept.spec.adopted}
    held = [lease for lease in leased if lease.vgpu in ephemeral]
    if ephemeral - {lease.vgpu for lease in held}:  # those have had their last
        return True
    for lease in held:
        process = processes.look_up(lease.holder.process_id)
        if process is None or process.started != lease.holder.process_started:
            return True
    return False
