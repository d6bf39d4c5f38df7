"""The queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aliquot.api.operation import Routes
from aliquot.api.parameters import VgpuReference
from aliquot.daemon.caller import Caller
from aliquot.model.api.vgpus import QueuePage, VgpuResource

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

routes = Routes("queue")


@routes.get("/queue")
def list_(service: Service, caller: Caller) -> QueuePage:
    """Who waits for a place, the next to be served first; others' places are counted only."""
    return service.queue.list(caller)


@routes.delete("/queue/{vgpu}")
def leave(service: Service, caller: Caller, vgpu: VgpuReference) -> VgpuResource:
    """Wait no longer."""
    return service.queue.leave(caller, vgpu)
