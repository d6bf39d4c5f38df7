"""Tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aliquot.api.operation import Routes
from aliquot.api.parameters import TokenReference
from aliquot.daemon.caller import Caller
from aliquot.model.api.node import Invitation, TokenPage, TokenResource, TokenWanted

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

routes = Routes("tokens")


@routes.get("/tokens")
def list_(service: Service, caller: Caller) -> TokenPage:
    """The caller's tokens, an admin's: everybody's; without their secrets."""
    return service.tokens.list(caller)


@routes.post(
    "/tokens",
    status=201,
    example={"name": "grafana", "role": "viewer", "scope": ["vgpus:read"], "ttl_ms": 86400000},
)
def create(service: Service, caller: Caller, body: TokenWanted) -> TokenResource:
    """Make a token. Its `secret` is in this answer and can't be had a second time.

    Its role and scope are within those of the caller.
    """
    return service.tokens.create(caller, body)


@routes.post("/invitations", status=201)
def invite(service: Service, caller: Caller) -> Invitation:
    """A code with which a browser becomes the caller, once and within a minute.

    Its session is a token with the caller's role and scope, for twelve hours at most.
    """
    return service.invitations.create(caller)


@routes.delete("/tokens/{token}")
def revoke(service: Service, caller: Caller, token: TokenReference) -> TokenResource:
    """End a token for good, and with it those that were made by it."""
    return service.tokens.revoke(caller, token)
