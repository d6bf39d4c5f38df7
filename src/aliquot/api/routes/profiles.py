"""Profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aliquot.api.operation import Generation, Routes
from aliquot.api.parameters import ProfileName
from aliquot.daemon.caller import Caller
from aliquot.model.api.vgpus import ProfilePage, ProfileResource, ProfileWanted

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

routes = Routes("profiles")


@routes.get("/profiles")
def list_(service: Service, caller: Caller) -> ProfilePage:
    """All profiles."""
    return service.profiles.list(caller)


@routes.get("/profiles/{name}")
def show(service: Service, caller: Caller, name: ProfileName) -> ProfileResource:
    """A profile."""
    return service.profiles.show(caller, name)


@routes.put("/profiles/{name}", example={"memory": 4294967296, "compute": 25, "weight": 2})
def put(
    service: Service,
    caller: Caller,
    name: ProfileName,
    body: ProfileWanted,
    generation: Generation | None = None,
) -> ProfileResource:
    """Make a profile or replace it.

    With If-Match "0" only where there is none yet. vGPUs that were made from it stay as they are.
    """
    return service.profiles.put(caller, name, body, generation=generation)


@routes.delete("/profiles/{name}")
def remove(service: Service, caller: Caller, name: ProfileName) -> ProfileResource:
    """Forget a profile; vGPUs that were made from it stay as they are."""
    return service.profiles.remove(caller, name)
