"""The daemon itself: what it is, who the caller is to it, health, metrics, this API's document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aliquot.api.operation import Routes
from aliquot.daemon.caller import Caller
from aliquot.model.api.node import Agreement, Health, NodeResource, Whoami

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

routes = Routes("node")
_at_root = Routes("node", prefix="")


@routes.get("/node")
def show(service: Service, caller: Caller) -> NodeResource:
    """The daemon and its machine."""
    return service.node.show(caller)


@routes.get("/agreement")
def agreement(service: Service, caller: Caller) -> Agreement:
    """Whether the state, the device hosts, the workers and the leases agree at this moment."""
    return service.node.agreement(caller)


@routes.get("/whoami")
def whoami(service: Service, caller: Caller) -> Whoami:  # noqa: ARG001
    """Who the caller is to the daemon, and what they may."""
    return Whoami(
        tenant=caller.tenant,
        role=caller.role,
        scope=list(caller.scope),
        user_id=caller.user_id,
        token=caller.token,
    )


@_at_root.get("/healthz")
def health(service: Service) -> Health:
    """Whether the daemon lives. Nobody has to say who they are."""
    return service.node.health()


@_at_root.get("/readyz")
def ready(service: Service) -> Health:
    """Whether the daemon does its work; 503 where it doesn't. Nobody has to say who they are."""
    return service.node.ready()


@_at_root.get("/metrics", media_type="text/plain; version=0.0.4; charset=utf-8")
def metrics(service: Service, caller: Caller) -> bytes:
    """Metrics of devices, vGPUs and leases, as Prometheus reads them; of others' for admins."""
    return service.metrics.text(caller)


@routes.get("/openapi.json", media_type="application/vnd.oai.openapi+json")
def openapi(service: Service, caller: Caller) -> dict[str, Any]:  # noqa: ARG001
    """This API, as OpenAPI 3.1 has it."""
    from aliquot.api.openapi import document

    return document()


routes.operations += _at_root.operations
