"""The operations, one module a resource."""

from __future__ import annotations

from aliquot.api.operation import Operation
from aliquot.api.routes import (
    audit,
    devices,
    diagram,
    events,
    groups,
    leases,
    node,
    profiles,
    queue,
    receipts,
    tokens,
    vgpus,
    vms,
)

_MODULES = (
    vgpus,
    vms,
    leases,
    devices,
    diagram,
    groups,
    queue,
    receipts,
    profiles,
    tokens,
    audit,
    events,
    node,
)

OPERATIONS: tuple[Operation, ...] = tuple(
    operation for module in _MODULES for operation in module.routes.operations
)
