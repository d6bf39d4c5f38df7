"""Groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aliquot.api.operation import Key, Routes
from aliquot.api.parameters import GroupReference
from aliquot.daemon.caller import Caller
from aliquot.model.api.vgpus import GroupPage, GroupResource, GroupWanted

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

routes = Routes("groups")


@routes.get("/groups")
def list_(service: Service, caller: Caller) -> GroupPage:
    """All groups that the caller may see."""
    return service.groups.list(caller)


@routes.post(
    "/groups",
    status=201,
    example={
        "name": "job-7",
        "vgpus": [
            {"name": "job-7-0", "memory": 1073741824},
            {"name": "job-7-1", "memory": 1073741824},
        ],
    },
)
def create(
    service: Service, caller: Caller, body: GroupWanted, key: Key | None = None
) -> GroupResource:
    """Make several vGPUs for one job: all of them, or none."""
    return service.groups.create(caller, body, idempotency_key=key)


@routes.get("/groups/{group}")
def show(service: Service, caller: Caller, group: GroupReference) -> GroupResource:
    """A group with its living vGPUs."""
    return service.groups.show(caller, group)


@routes.delete("/groups/{group}")
def delete(service: Service, caller: Caller, group: GroupReference) -> GroupResource:
    """Delete all vGPUs of a group."""
    return service.groups.delete(caller, group)
