"""Tokens: made within what their maker may, known again, revoked."""

from __future__ import annotations

from contextlib import suppress

from aliquot.daemon.caller import Caller
from aliquot.errors import BadSpec, LimitReached, NoSuchEntry, NotAllowed, TokenRefused
from aliquot.model.access_token import Token
from aliquot.model.api.node import TokenPage, TokenResource, TokenWanted
from aliquot.store import Change, Store, View, tokens

MOST_TOKENS = 200


class Tokens:
    """The service's part for tokens."""

    def __init__(self, store: Store) -> None:
        """Kept, as hashes, in `store`."""
        self._store = store

    def list(self, caller: Caller) -> TokenPage:
        """The caller's tokens, an admin's: everybody's."""
        with self._store.look() as view:
            found = tokens.listed(view, None if caller.is_admin else caller.tenant)
        return TokenPage(items=[resource(token) for token in found])

    def create(self, caller: Caller, wanted: TokenWanted) -> TokenResource:
        """A new token with its secret; raises NotAllowed where it could do more than its maker."""
        tenant = wanted.tenant or caller.tenant
        if not caller.may_see(tenant):
            raise NotAllowed("a token for another tenant is for admins to make")
        if not caller.role.covers(wanted.role):
            raise NotAllowed(f"the role {caller.role.value} can't give {wanted.role.value}")
        missing = [one for one in wanted.scope if caller.scope and one not in caller.scope]
        if missing or (caller.scope and not wanted.scope):
            raise NotAllowed("a token that is narrowed can't make one that is less so")
        if len(set(wanted.scope)) != len(wanted.scope):
            raise BadSpec("the scope names the same twice")
        with self._store.change(caller.actor) as change:
            _leave_room(change, tenant)
            expires = change.now_ms + wanted.ttl_ms if wanted.ttl_ms else None
            # A token makes none that outlives it.
            maker = tokens.get(change, caller.token) if caller.token else None
            if maker is not None and maker.revoked_ms is not None:
                raise TokenRefused()  # since it was shown
            if maker is not None and maker.expires_ms is not None:
                expires = min(expires or maker.expires_ms, maker.expires_ms)
            made, secret = tokens.create(
                change,
                tenant,
                wanted.name,
                wanted.role,
                scope=tuple(wanted.scope),
                expires_ms=expires,
                maker=caller.token,
            )
        return resource(made, secret)

    def revoke(self, caller: Caller, token: str) -> TokenResource:
        """End a token, by its id or its name, and with it those that were made by it.

        Raises NoSuchEntry, also where it is another tenant's or several have that name.
        """
        with self._store.change(caller.actor) as change:
            return resource(tokens.revoke(change, _found(change, caller, token).id))

    def authenticate(
        self, given: str, *, user_id: int | None = None, process_id: int | None = None
    ) -> Caller:
        """Whose token a text is; raises TokenRefused. User and process are the peer's, if known."""
        with self._store.look() as view:
            token = tokens.authenticate(view, given)
        return Caller(
            tenant=token.tenant,
            role=token.role,
            user_id=user_id,
            process_id=process_id,
            token=token.id,
            scope=token.scope,
        )

    def check(self, caller: Caller) -> None:
        """Raise TokenRefused where the caller's token has ended since it was shown."""
        if caller.token is None:
            return
        with self._store.look() as view:
            try:
                token = tokens.get(view, caller.token)
            except NoSuchEntry:
                raise TokenRefused() from None
            ended = token.expires_ms is not None and token.expires_ms <= view.now_ms
        if token.revoked_ms is not None or ended:
            raise TokenRefused()


def resource(token: Token, secret: str | None = None) -> TokenResource:
    """A token as the API tells it."""
    return TokenResource(
        id=token.id,
        tenant=token.tenant,
        name=token.name,
        role=token.role,
        scope=list(token.scope),
        created_ms=token.created_ms,
        expires_ms=token.expires_ms,
        revoked_ms=token.revoked_ms,
        maker=token.maker,
        secret=secret,
    )


def _living(view: View, tenant: str) -> list[Token]:
    return [
        token
        for token in tokens.listed(view, tenant)
        if token.revoked_ms is None and (token.expires_ms is None or token.expires_ms > view.now_ms)
    ]


def _found(view: View, caller: Caller, reference: str) -> Token:
    """The token of an id, else the one of the caller's own that has this name and holds still."""
    with suppress(NoSuchEntry):
        found = tokens.get(view, reference)
        if caller.may_see(found.tenant):
            return found
    named = [token for token in _living(view, caller.tenant) if token.name == reference]
    if len(named) > 1:
        raise NoSuchEntry(
            f"{len(named)} of your tokens have this name",
            remedy="name it by its id, which 'aliquot token list' shows",
        )
    if not named:
        raise NoSuchEntry("there is no such token")
    return named[0]


def _leave_room(change: Change, tenant: str) -> None:
    if len(_living(change, tenant)) >= MOST_TOKENS:
        raise LimitReached(
            f"tenant {tenant!r} has {MOST_TOKENS} tokens", remedy="revoke some of them first"
        )
