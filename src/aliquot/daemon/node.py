"""The node: the daemon itself and its machine."""

from __future__ import annotations

import os
from collections.abc import Mapping

from sqlalchemy import func, select

from aliquot import __version__
from aliquot.daemon import agreement
from aliquot.daemon.access import must_be_admin
from aliquot.daemon.caller import Caller
from aliquot.errors import AliquotError
from aliquot.model.api.node import Agreement, Health, NodeResource
from aliquot.model.lifecycle import VgpuState
from aliquot.store import Store
from aliquot.store.store import system_clock
from aliquot.store.tables import devices, leases, queue, vgpus


class Node:
    """The service's part for the node."""

    def __init__(self, store: Store, node: str, problems: Mapping[str, str]) -> None:
        """Of `node`; `problems` are by what has them, each a sentence, as they are at the time."""
        self._store = store
        self._node = node
        self._problems = problems
        self._started_ms = system_clock()

    def show(self, caller: Caller) -> NodeResource:
        """The daemon; of vGPUs, leases and who waits those that the caller may see are counted."""
        own = None if caller.is_admin else caller.tenant
        with self._store.look() as view:

            def count(*conditions: object) -> int:
                return view.connection.execute(
                    select(func.count()).where(*conditions)  # type: ignore[arg-type]
                ).scalar_one()

            mine = [vgpus.c.tenant == own] if own is not None else []
            leased = [leases.c.tenant == own] if own is not None else []
            living = vgpus.c.state != VgpuState.DELETED.value
            return NodeResource(
                name=self._node,
                version=__version__,
                process_id=os.getpid(),
                user_id=os.geteuid(),
                started_ms=self._started_ms,
                state_location=self._store.location.shown if caller.is_admin else "",
                devices=count(devices.c.node == self._node, devices.c.present == 1),
                vgpus=count(vgpus.c.id.is_not(None), living, *mine),
                leases=count(leases.c.released_ms.is_(None), *leased),
                waiting=count(queue.c.vgpu_id == vgpus.c.id, *mine),
                sequence=view.event_sequence(),
                problems=[f"{what}: {why}" for what, why in sorted(self._problems.items())]
                if caller.is_admin
                else [],
            )

    def agreement(self, caller: Caller) -> Agreement:
        """Whether all that there is agrees with the state. For admins, since it tells of all."""
        must_be_admin(caller)
        problems = agreement.problems(self._store, self._node)
        return Agreement(agree=not problems, vgpus=self.show(caller).vgpus, problems=problems)

    def health(self) -> Health:
        """The daemon lives: it answers."""
        return Health(status="ok")

    def ready(self) -> Health:
        """Whether the store can be read. Nobody need say who asks, so that only codes are told."""
        try:
            with self._store.look() as view:
                view.event_sequence()
        except AliquotError as error:
            return Health(status="failing", checks={"store": error.code})
        return Health(status="ok", checks={"store": "ok"})
