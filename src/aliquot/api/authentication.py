"""Who asks: by what the kernel tells of the peer of a Unix socket, or by a token.

A peer over TCP is nobody without a token, or a browser's session. On the Unix socket a token goes
before the peer's own rights, so that a program can have less than its user.
"""

from __future__ import annotations

import grp
import os
import pwd
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from aliquot.api import session
from aliquot.daemon.caller import Caller
from aliquot.errors import NoCredentials, TokenRefused
from aliquot.model.access_token import Role

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

Headers = list[tuple[bytes, bytes]]

_KEPT_SECONDS = 30.0
_MOST_KEPT = 4096
_LONGEST_TOKEN = 200


class Peer(NamedTuple):
    """The process at the other end of a Unix socket, as it was when it connected."""

    process_id: int
    user_id: int
    group_id: int


class Peers:
    """What users of this machine are to the daemon."""

    def __init__(self, admin_group: str | None) -> None:
        """Members of the group `admin_group` are admins, as are root and the daemon's own user."""
        self._admin_group = admin_group
        self._own = os.geteuid()
        self._known: dict[int, tuple[float, str, bool]] = {}
        self._lock = threading.Lock()

    def caller(self, peer: Peer) -> Caller:
        """Who a peer is. Asks the machine's user database, which may take its time."""
        now = time.monotonic()
        known = self._known.get(peer.user_id)
        if known is None or now - known[0] > _KEPT_SECONDS:
            name = login_name(peer.user_id)
            known = (now, name, self._is_admin(peer.user_id, name))
            with self._lock:
                if len(self._known) >= _MOST_KEPT:
                    self._known.clear()
                self._known[peer.user_id] = known
        return Caller(
            tenant=known[1],
            role=Role.ADMIN if known[2] else Role.USER,
            user_id=peer.user_id,
            process_id=peer.process_id or None,
        )

    def _is_admin(self, user_id: int, name: str) -> bool:
        if user_id in (0, self._own):
            return True
        if self._admin_group is None:
            return False
        try:
            group = grp.getgrnam(self._admin_group)
            primary = pwd.getpwuid(user_id).pw_gid
        except KeyError:
            return False
        return name in group.gr_mem or primary == group.gr_gid


def login_name(user_id: int) -> str:
    """The tenant that a user of this machine is."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"uid-{user_id}"


def identify(
    service: Service, peers: Peers, peer: Peer | None, method: str, headers: Headers
) -> Caller:
    """Who asks; raises NoCredentials or TokenRefused, which repeat nothing of what was sent."""
    given = [value for name, value in headers if name == b"authorization"]
    if not given:
        if peer is not None:
            return peers.caller(peer)
        secret = session.token_of(method, headers)
        if secret is None or len(secret) > _LONGEST_TOKEN:
            raise NoCredentials()
        return service.tokens.authenticate(secret)
    if len(given) > 1:
        raise TokenRefused()
    scheme, _, token = given[0].partition(b" ")
    if scheme.lower() != b"bearer" or len(token) > _LONGEST_TOKEN:
        raise TokenRefused()
    return service.tokens.authenticate(
        token.strip().decode("ascii", "replace"),
        user_id=peer.user_id if peer else None,
        process_id=peer.process_id if peer else None,
    )
