"""Who may do what: one table of the operations. What isn't in it nobody may do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from aliquot.daemon.caller import Caller
from aliquot.errors import NotAllowed
from aliquot.model.access_token import Role
from aliquot.model.why import Why
from aliquot.words.refusals import refusal


class Rule(NamedTuple):
    """The least role that may, and what a narrowed token's scope has to name, if anything.

    That what isn't one's own isn't there (404) is for the service to see to.
    """

    role: Role
    scope: str | None


_V, _U, _A = Role.VIEWER, Role.USER, Role.ADMIN

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "vgpus.list": Rule(_V, "vgpus:read"),
        "vgpus.create": Rule(_U, "vgpus:write"),
        "vgpus.plan": Rule(_V, "vgpus:read"),
        "vgpus.show": Rule(_V, "vgpus:read"),
        "vgpus.change": Rule(_U, "vgpus:write"),
        "vgpus.suspend": Rule(_U, "vgpus:write"),
        "vgpus.resume": Rule(_U, "vgpus:write"),
        "vgpus.move": Rule(_U, "vgpus:write"),
        "vgpus.delete": Rule(_U, "vgpus:write"),
        "vgpus.series": Rule(_V, "vgpus:read"),
        "vgpus.processes": Rule(_V, "leases:read"),
        "vgpus.attach": Rule(_A, "leases:write"),
        "vgpus.detach": Rule(_A, "leases:write"),
        "vms.started": Rule(_A, "leases:write"),
        "vms.stopped": Rule(_A, "leases:write"),
        "leases.begin": Rule(_U, "leases:write"),
        "leases.list": Rule(_V, "leases:read"),
        "leases.show": Rule(_V, "leases:read"),
        "leases.end": Rule(_U, "leases:write"),
        "devices.list": Rule(_V, "devices:read"),
        "devices.show": Rule(_V, "devices:read"),
        "devices.set_policy": Rule(_A, "devices:write"),
        "devices.set_priority_mix": Rule(_A, "devices:write"),
        "devices.series": Rule(_V, "devices:read"),
        "devices.turns": Rule(_V, "devices:read"),
        "diagram.show": Rule(_V, "vgpus:read"),
        "diagram.modes": Rule(_V, "devices:read"),
        "groups.list": Rule(_V, "groups:read"),
        "groups.create": Rule(_U, "groups:write"),
        "groups.show": Rule(_V, "groups:read"),
        "groups.delete": Rule(_U, "groups:write"),
        "queue.list": Rule(_V, "queue:read"),
        "queue.leave": Rule(_U, "queue:write"),
        "receipts.list": Rule(_V, "leases:read"),
        "receipts.of_vgpu": Rule(_V, "leases:read"),
        "receipts.now": Rule(_V, "leases:read"),
        "profiles.list": Rule(_V, "profiles:read"),
        "profiles.show": Rule(_V, "profiles:read"),
        "profiles.put": Rule(_A, "profiles:write"),
        "profiles.remove": Rule(_A, "profiles:write"),
        "tokens.list": Rule(_V, "tokens:read"),
        "tokens.create": Rule(_U, "tokens:write"),
        "tokens.invite": Rule(_V, "tokens:write"),
        "tokens.revoke": Rule(_U, "tokens:write"),
        "audit.list": Rule(_A, "audit:read"),
        "audit.verify": Rule(_A, "audit:read"),
        "events.since": Rule(_V, "events:read"),
        "events.watch": Rule(_V, "events:read"),
        "node.show": Rule(_V, "node:read"),
        "node.metrics": Rule(_V, "node:read"),  # of vGPUs and leases their own
        "node.agreement": Rule(_A, "node:read"),
        "node.whoami": Rule(_V, None),
        "node.openapi": Rule(_V, None),
    }
)

# These tell nothing of anybody, and whoever starts and watches the daemon has no token.
PUBLIC = frozenset({"node.health", "node.ready"})


def authorize(caller: Caller, operation: str) -> None:
    """Raises NotAllowed unless the caller's role and scope cover the operation."""
    rule = RULES.get(operation)
    if rule is None or not caller.role.covers(rule.role):
        role = caller.role.value
        raise refusal(NotAllowed, Why.WITHOUT_ROLE, role=role, operation=operation)
    if rule.scope is not None:
        also(caller, rule.scope)


def also(caller: Caller, scope: str) -> None:
    """Raises NotAllowed unless the caller's scope, if it has one, covers this too."""
    if caller.scope and not covers(caller.scope, scope):
        scopes = ", ".join(caller.scope)
        raise refusal(NotAllowed, Why.WITHOUT_SCOPE, scopes=scopes, scope=scope)


def covers(given: tuple[str, ...], wanted: str) -> bool:
    """Whether a scope covers what is wanted: who may write may read, `*` is everything."""
    kind, _, verb = wanted.partition(":")
    verbs = ("read", "write") if verb == "read" else ("write",)
    return any(f"{one}:{word}" in given for one in (kind, "*") for word in verbs)
