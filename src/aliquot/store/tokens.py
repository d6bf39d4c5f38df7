"""Tokens: made, known again, revoked. The secret is shown once and only its hash is kept.

A secret has 256 bits of chance, so a plain hash protects it as well as a slow one would: there is
nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Any

from sqlalchemy import Row, insert, select, update

from aliquot.errors import NoSuchEntry, TokenRefused
from aliquot.model.access_token import Role, Token
from aliquot.store import codec
from aliquot.store.change import Change, View
from aliquot.store.tables import tokens

# Easily found by tools that look for secrets in logs, ours included.
_FORM = re.compile(r"alq_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)


def create(
    change: Change,
    tenant: str,
    name: str,
    role: Role,
    *,
    scope: tuple[str, ...] = (),
    expires_ms: int | None = None,
    maker: str | None = None,
) -> tuple[Token, str]:
    """A new token, and its text for the tenant alone: it can't be had a second time.

    `maker` is the token by which it is made, and with which it ends.
    """
    made = Token(
        id=secrets.token_hex(8),
        tenant=tenant,
        name=name,
        role=role,
        scope=scope,
        created_ms=change.now_ms,
        expires_ms=expires_ms,
        maker=maker,
    )
    secret = secrets.token_urlsafe(32)
    change.connection.execute(
        insert(tokens).values(
            id=made.id,
            tenant=tenant,
            name=name,
            role=role.value,
            scope=codec.written(scope),
            hash=_hash(secret),
            created_ms=made.created_ms,
            expires_ms=expires_ms,
            maker=maker,
        )
    )
    change.note("token.created", made.id, token=codec.plain(made))
    return made, f"alq_{made.id}_{secret}"


def authenticate(view: View, given: str) -> Token:
    """The token of a text, if it is one that holds now; raises TokenRefused without saying why."""
    match = _FORM.fullmatch(given)
    # The same work whether or not there is such a token.
    row = view.connection.execute(
        select(tokens).where(tokens.c.id == (match.group(1) if match else ""))
    ).one_or_none()
    kept_hash: str = row.hash if row else "0" * 64
    same = hmac.compare_digest(kept_hash, _hash(match.group(2) if match else ""))
    if row is None or not same or row.revoked_ms is not None:
        raise TokenRefused()
    if row.expires_ms is not None and row.expires_ms <= view.now_ms:
        raise TokenRefused()
    return _record(row)


def revoke(change: Change, token: str) -> Token:
    """End a token for good, with those that were made by it, and by those, and so on.

    One that is revoked stays so.
    """
    ending = [get(change, token)]
    while ending:
        before = ending.pop()
        if before.revoked_ms is None:
            change.connection.execute(
                update(tokens).where(tokens.c.id == before.id).values(revoked_ms=change.now_ms)
            )
            change.note("token.revoked", before.id, tenant=before.tenant, name=before.name)
        made = change.connection.execute(select(tokens).where(tokens.c.maker == before.id))
        ending += [_record(row) for row in made]
    return get(change, token)


def get(view: View, token: str) -> Token:
    """The token of an id; raises NoSuchEntry."""
    row = view.connection.execute(select(tokens).where(tokens.c.id == token)).one_or_none()
    if row is None:
        raise NoSuchEntry("there is no such token")
    return _record(row)


def listed(view: View, tenant: str | None = None) -> list[Token]:
    """All tokens that are kept, or a tenant's."""
    statement = select(tokens).order_by(tokens.c.created_ms, tokens.c.id)
    if tenant is not None:
        statement = statement.where(tokens.c.tenant == tenant)
    return [_record(row) for row in view.connection.execute(statement)]


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _record(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        tenant=row.tenant,
        name=row.name,
        role=Role(row.role),
        scope=codec.read_words(row.scope),
        created_ms=row.created_ms,
        expires_ms=row.expires_ms,
        revoked_ms=row.revoked_ms,
        maker=row.maker,
    )
