"""Tenants and the users of this machine: a tenant is called like the user's login."""

from __future__ import annotations

import os
import pwd

_UNNAMED = "uid-"


def tenant_of(user_id: int) -> str:
    """The tenant that a user of this machine is."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"{_UNNAMED}{user_id}"


def user_of(tenant: str) -> int | None:
    """The user that a tenant is, or None: tenants of tokens need not be users."""
    number = tenant.removeprefix(_UNNAMED)
    if number != tenant and number.isascii() and number.isdigit() and len(number) < 11:
        return int(number)
    try:
        return pwd.getpwnam(tenant).pw_uid
    except (KeyError, ValueError):
        return None


def owner_of(tenant: str) -> int | None:
    """Whose a tenant's vGPUs are at the device hosts; None: the daemon's own.

    Only root's device hosts have vGPUs of several users.
    """
    owner = user_of(tenant) if os.geteuid() == 0 else None
    return owner or None
