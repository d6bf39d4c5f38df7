"""Tokens: how a program proves over the network who it is. Only their hashes are kept."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Role(StrEnum):
    """What one may do: look at one's own, change one's own, or everything."""

    VIEWER = "viewer"
    USER = "user"
    ADMIN = "admin"

    def covers(self, other: Role) -> bool:
        """Whether this role may do all that the other may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token, without its secret. An empty scope is no restriction beyond the role's.

    `maker` is the token by which it was made, if it was by one.
    """

    id: str
    tenant: str
    name: str
    role: Role
    scope: tuple[str, ...] = ()
    created_ms: int = 0
    expires_ms: int | None = None
    revoked_ms: int | None = None
    maker: str | None = None
