"""The audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aliquot.api.operation import Query, Routes
from aliquot.api.parameters import PageLimit, Sequence
from aliquot.daemon.caller import Caller
from aliquot.model.api.node import AuditPage, AuditVerdict

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

routes = Routes("audit")


class AuditQuery(Query, frozen=True, kw_only=True):
    """Which rows of the node's chain."""

    after: Sequence = 0
    limit: PageLimit = 500


@routes.get("/audit")
def list_(service: Service, caller: Caller, query: AuditQuery) -> AuditPage:
    """A page of the node's audit after row `after`, oldest first."""
    return service.audit.list(caller, after=query.after, limit=query.limit)


@routes.get("/audit/verdict")
def verify(service: Service, caller: Caller) -> AuditVerdict:
    """Whether every row of the audit is as it was written."""
    return service.audit.verify(caller)
