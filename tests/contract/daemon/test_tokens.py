"""Tokens: whose they are, by which name they are revoked, and what ends with them."""

from __future__ import annotations

import pytest

from aliquot.daemon.caller import Caller
from aliquot.errors import NoSuchEntry, TokenRefused
from aliquot.model.access_token import Role
from aliquot.model.api.node import TokenResource, TokenWanted
from aliquot.store import audit
from tests.contract.daemon.house import ADMIN, ALICE, BOB, House


def made(home: House, caller: Caller, name: str, role: Role = Role.USER) -> TokenResource:
    return home.service.tokens.create(caller, TokenWanted(name=name, role=role))


def holder(home: House, token: TokenResource) -> Caller:
    """Who shows the token."""
    return home.service.tokens.authenticate(token.secret or "")


def test_a_token_is_revoked_by_its_id_or_its_name(home: House) -> None:
    tokens = home.service.tokens
    by_id, by_name = made(home, ALICE, "one"), made(home, ALICE, "two")
    assert tokens.revoke(ALICE, by_id.id).revoked_ms == home.clock.now
    assert tokens.revoke(ALICE, "two").id == by_name.id
    for token in (by_id, by_name):
        with pytest.raises(TokenRefused):
            holder(home, token)
    with pytest.raises(NoSuchEntry):
        tokens.revoke(ALICE, "two")  # what is revoked has no name any more
    again = made(home, ALICE, "two")
    assert tokens.revoke(ALICE, "two").id == again.id


def test_a_name_is_the_callers_own_and_of_one_token(home: House) -> None:
    tokens = home.service.tokens
    made(home, ALICE, "ci")
    for caller in (BOB, ADMIN):
        with pytest.raises(NoSuchEntry, match="no such token"):
            tokens.revoke(caller, "ci")
    second = made(home, ALICE, "ci")
    with pytest.raises(NoSuchEntry, match="2 of your tokens have this name; name it by its id"):
        tokens.revoke(ALICE, "ci")
    with pytest.raises(NoSuchEntry):
        tokens.revoke(BOB, second.id)
    # A name that looks like another's id is a name.
    lure = made(home, BOB, second.id)
    assert tokens.revoke(BOB, second.id).id == lure.id
    assert tokens.revoke(ADMIN, second.id).id == second.id


def test_what_a_token_made_ends_with_it(home: House) -> None:
    first = made(home, ALICE, "first")
    second = made(home, holder(home, first), "second")
    third = made(home, holder(home, second), "third", Role.VIEWER)
    beside = made(home, ALICE, "beside")
    assert (first.maker, second.maker, third.maker) == (None, first.id, second.id)
    home.service.tokens.revoke(holder(home, second), first.id)
    for token in (first, second, third):
        with pytest.raises(TokenRefused):
            holder(home, token)
    assert holder(home, beside).tenant == "alice"
    with home.store.look() as view:
        rows = [row for row in audit.listed(view) if row.action == "token.revoked"]
    assert {row.subject for row in rows} == {first.id, second.id, third.id}
    assert {row.actor for row in rows} == {f"alice (token {second.id})"}


def test_a_token_that_was_just_revoked_makes_none(home: House) -> None:
    first = made(home, ALICE, "first")
    shown = holder(home, first)
    home.service.tokens.revoke(ALICE, first.id)
    with pytest.raises(TokenRefused):
        made(home, shown, "second")
