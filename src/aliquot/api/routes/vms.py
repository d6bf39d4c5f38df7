"""Virtual machines: what their hypervisors' hooks tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aliquot.api.operation import Routes
from aliquot.daemon.caller import Caller
from aliquot.model.api.vms import VmTold, VmVgpus

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

routes = Routes("vms")
_EXAMPLE = {"hypervisor": "libvirt", "vm": "build-01"}


@routes.post("/vms/started", example=_EXAMPLE)
def started(service: Service, caller: Caller, body: VmTold) -> VmVgpus:
    """A virtual machine is about to start: its vGPUs' hardware is readied.

    It may be said again. Of a virtual machine without vGPUs nothing is done.
    """
    return service.vms.started(caller, body)


@routes.post("/vms/stopped", example=_EXAMPLE)
def stopped(service: Service, caller: Caller, body: VmTold) -> VmVgpus:
    """A virtual machine has stopped: its leases end, and the machine has the hardware again."""
    return service.vms.stopped(caller, body)
