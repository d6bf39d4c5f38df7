"""Invitations: how a browser comes to be somebody, without a secret that lasts in any address.

Whoever is known to the daemon gets a code, good once and for a minute; a browser that shows it gets
a token of theirs, as a cookie that no script can read. Codes are in memory alone, as hashes.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from aliquot.daemon.caller import Caller
from aliquot.daemon.tokens import Tokens
from aliquot.errors import LimitReached, TokenRefused
from aliquot.model.api.node import Invitation, TokenResource, TokenWanted

CODE_SECONDS = 60
SESSION_SECONDS = 12 * 60 * 60
_MOST_OPEN = 64  # of a tenant, so that nobody keeps the others from theirs
_NAME = "browser"


class _Open(NamedTuple):
    caller: Caller
    until: float


class Invitations:
    """Those that nobody has accepted yet."""

    def __init__(self, tokens: Tokens, clock: Callable[[], float] = time.monotonic) -> None:
        """Sessions become tokens of `tokens`."""
        self._tokens = tokens
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[bytes, _Open] = {}
        self.address: str | None = None  # where a browser finds the dashboard, once it is served

    def create(self, caller: Caller) -> Invitation:
        """A code with which a browser becomes the caller; raises LimitReached."""
        code = secrets.token_urlsafe(32)
        now = self._clock()
        with self._lock:
            self._open = {key: one for key, one in self._open.items() if one.until > now}
            own = sum(one.caller.tenant == caller.tenant for one in self._open.values())
            if own >= _MOST_OPEN:
                raise LimitReached(
                    f"{own} invitations of {caller.tenant!r} are open",
                    remedy="wait a minute and ask again",
                )
            self._open[_hash(code)] = _Open(caller, now + CODE_SECONDS)
        return Invitation(code=code, seconds=CODE_SECONDS, address=self.address)

    def accept(self, code: str) -> TokenResource:
        """The token of a session, with its secret; raises TokenRefused for all but an open code."""
        with self._lock:
            found = self._open.pop(_hash(code), None)
        if found is None or found.until <= self._clock():
            raise TokenRefused()
        self._tokens.check(found.caller)  # a token that invited may have ended meanwhile
        wanted = TokenWanted(
            name=_NAME,
            role=found.caller.role,
            scope=list(found.caller.scope),
            ttl_ms=SESSION_SECONDS * 1000,
        )
        return self._tokens.create(found.caller, wanted)


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "replace")).digest()
