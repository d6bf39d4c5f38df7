"""The operations, one module a resource."""

from __future__ import annotations

from aliquot.api.operation import Operation
from aliquot.api.routes import (
    audit,
    devices,
    events,
    groups,
    leases,
    node,
    picture,
    profiles,
    queue,
    receipts,
    tokens,
    vgpus,
)

_MODULES = (
    vgpus,
    leases,
    devices,
    picture,
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
