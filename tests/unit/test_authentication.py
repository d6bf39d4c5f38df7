"""Who a user of this machine is to the daemon."""

from __future__ import annotations

import grp
import os
import pwd

import pytest

from aliquot.api.authentication import Peer, Peers
from aliquot.model.access_token import Role

USERS = {0: ("root", 0), 1000: ("alice", 1000), 1001: ("bob", 1001), 1002: ("carol", 77)}


@pytest.fixture(autouse=True)
def _users(monkeypatch: pytest.MonkeyPatch) -> None:
    def user(number: int) -> pwd.struct_passwd:
        name, group = USERS[number]
        return pwd.struct_passwd((name, "x", number, group, "", "/", "/bin/sh"))

    def group(name: str) -> grp.struct_group:
        return {"gpu": grp.struct_group(("gpu", "x", 77, ["bob"]))}[name]

    monkeypatch.setattr(pwd, "getpwuid", user)
    monkeypatch.setattr(grp, "getgrnam", group)
    monkeypatch.setattr(os, "geteuid", lambda: 500)


def role(peers: Peers, user: int) -> Role:
    return peers.caller(Peer(10, user, 4)).role


def test_root_the_daemons_user_and_the_group_are_admins() -> None:
    peers = Peers("gpu")
    assert role(peers, 0) is Role.ADMIN
    assert role(peers, 500) is Role.ADMIN
    assert role(peers, 1000) is Role.USER
    assert role(peers, 1001) is Role.ADMIN  # a member
    assert role(peers, 1002) is Role.ADMIN  # whose own group it is
    assert role(Peers(None), 1001) is Role.USER
    assert role(Peers("no-such-group"), 1001) is Role.USER


def test_a_tenant_is_a_login_name() -> None:
    known = Peers(None).caller(Peer(10, 1000, 4))
    assert (known.tenant, known.user_id, known.process_id) == ("alice", 1000, 10)
    # In a container a user may have no name, and the kernel may not tell the process.
    unknown = Peers("gpu").caller(Peer(0, 4711, 4))
    assert (unknown.tenant, unknown.role, unknown.process_id) == ("uid-4711", Role.USER, None)
