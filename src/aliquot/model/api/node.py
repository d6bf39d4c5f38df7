"""The node, tokens, audit and events, as the API tells and takes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from aliquot.model.access_token import Role
from aliquot.model.api.common import Milliseconds, Request, Text

# What a token may be narrowed to: reading or writing of a kind of resource.
ScopeWord = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(\*|vgpus|leases|devices|groups|profiles|tokens|audit|events|queue|node):(read|write)$"
    ),
]


class NodeResource(msgspec.Struct, frozen=True, kw_only=True):
    """The daemon and its machine. `problems` say what keeps it from its full work."""

    name: str
    version: str
    process_id: int
    user_id: int
    started_ms: Milliseconds
    state_location: str
    devices: int
    vgpus: int
    leases: int
    waiting: int
    sequence: int
    problems: list[str]


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Whether state, device hosts, workers and leases agree; each of `problems` is a sentence.

    What is under way at that moment is told as well: ask again before believing it.
    """

    agree: bool
    vgpus: int
    problems: list[str]


class Whoami(msgspec.Struct, frozen=True, kw_only=True):
    """Who the caller is to the daemon."""

    tenant: str
    role: Role
    scope: list[str]
    user_id: int | None = None
    token: str | None = None


class TokenWanted(Request, frozen=True, kw_only=True):
    """A token to make; of a role that its maker has. `tenant` is for admins."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=63)]
    role: Role = Role.USER
    scope: Annotated[list[ScopeWord], msgspec.Meta(max_length=32)] = []  # noqa: RUF012 - msgspec copies it
    ttl_ms: Annotated[int, msgspec.Meta(ge=1, le=(1 << 45))] | None = None
    tenant: Text | None = None


class TokenResource(msgspec.Struct, frozen=True, kw_only=True):
    """A token; `secret` is in the answer that made it and nowhere else.

    `maker` is the id of the token by which it was made, and with which it ends.
    """

    id: str
    tenant: str
    name: str
    role: Role
    scope: list[str]
    created_ms: Milliseconds
    expires_ms: int | None
    revoked_ms: int | None
    maker: str | None = None
    secret: str | None = None


class TokenPage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens, without their secrets."""

    items: list[TokenResource]


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A code with which a browser becomes its maker: once, and for so many seconds.

    `address` is where the dashboard is; None where the daemon listens on no port.
    """

    code: str
    seconds: int
    address: str | None


class AuditResource(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the audit."""

    node: str
    sequence: int
    at_ms: Milliseconds
    actor: str
    action: str
    subject: str
    body: dict[str, Any]
    previous: str
    hash: str


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the audit, oldest first."""

    items: list[AuditResource]
    next: int | None = None


class AuditVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the chains are as they were written; `breaks` says where not."""

    intact: bool
    heads: dict[str, str]
    breaks: list[str]


class EventResource(msgspec.Struct, frozen=True, kw_only=True):
    """An event. Its `sequence` is where to watch from."""

    sequence: int
    at_ms: Milliseconds
    node: str
    kind: str
    subject: str
    tenant: str
    body: dict[str, Any]


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """Events, oldest first."""

    items: list[EventResource]
    sequence: int


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the daemon lives, or is ready; `checks` by name `ok` or what is wrong."""

    status: Literal["ok", "failing"]
    checks: dict[str, str] = {}
