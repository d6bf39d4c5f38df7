"""vGPUs that are about to end, and whose place is worth a moment's wait.

`aliquot run` twice in a row: the first command has ended, and its vGPU goes with it only some
milliseconds later. Without a daemon the device host waits for that, and so does this one.
"""

from __future__ import annotations

import time

from aliquot.daemon import processes
from aliquot.daemon.core import Core
from aliquot.model.lifecycle import Wanted
from aliquot.store import View, leases, vgpus

_MOST_SECONDS = 2.0
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
        if self._until is None:
            self._until = now + _MOST_SECONDS
        with self._core.store.look() as view:
            if now >= self._until or not _some_end(view, self._core.node):
                return False
        return not self._core.stop.wait(_LOOK_SECONDS)


def _some_end(view: View, node: str) -> bool:
    living = vgpus.listed(view, vgpus.Filter(node=node))
    if any(kept.spec.wanted is Wanted.DELETED for kept in living):
        return True
    ephemeral = {kept.id for kept in living if kept.spec.ephemeral and not kept.spec.adopted}
    held = [lease for lease in leases.listed(view) if lease.vgpu in ephemeral]
    if ephemeral - {lease.vgpu for lease in held}:  # those have had their last
        return True
    for lease in held:
        process = processes.look_up(lease.holder.process_id)
        if process is None or process.started != lease.holder.process_started:
            return True
    return False
