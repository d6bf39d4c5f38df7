"""Who asks something of the daemon, and what they may."""

from __future__ import annotations

import msgspec

from aliquot.model.access_token import Role


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A user at the Unix socket, or the holder of a token.

    An empty scope is no restriction beyond the role's; `process_id` is the peer's, where the kernel
    tells it.
    """

    tenant: str
    role: Role
    user_id: int | None = None
    process_id: int | None = None
    token: str | None = None
    scope: tuple[str, ...] = ()

    @property
    def actor(self) -> str:
        """Who answers for it in the audit."""
        return f"{self.tenant} (token {self.token})" if self.token else self.tenant

    @property
    def is_admin(self) -> bool:
        """Whether what is another tenant's is theirs as well."""
        return self.role is Role.ADMIN

    def may_see(self, tenant: str) -> bool:
        """Whether what is this tenant's is shown to them."""
        return self.is_admin or tenant == self.tenant
