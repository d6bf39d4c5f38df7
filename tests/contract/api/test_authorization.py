"""Every route with every role, over TCP: an operation without a row here fails."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from aliquot.api.authorization import PUBLIC, RULES, covers
from aliquot.api.operation import Operation
from aliquot.api.routes import OPERATIONS
from aliquot.model.access_token import Role
from aliquot.model.api.vgpus import VgpuWanted
from tests.contract.api.raw import ask
from tests.contract.api.serving import Serving

NOBODY, VIEWER, USER, ADMIN = "nobody", "viewer", "user", "admin"
_ALL = (VIEWER, USER, ADMIN)
_CHANGING = (USER, ADMIN)
_RULING = (ADMIN,)


class Row(NamedTuple):
    """Who may; and a request that nothing but its caller's rights can make fail with 403."""

    who: tuple[str, ...]
    query: str = ""
    body: Any = None


_NONE = "0" * 32
EXPECTED: dict[str, Row] = {
    "vgpus.list": Row(_ALL),
    "vgpus.create": Row(_CHANGING, body={"name": "made", "memory": 1048576}),
    "vgpus.plan": Row(_ALL, body={"name": "planned", "memory": 1048576}),
    "vgpus.show": Row(_ALL),
    "vgpus.change": Row(_CHANGING, body={"weight": 2}),
    "vgpus.suspend": Row(_CHANGING),
    "vgpus.resume": Row(_CHANGING),
    "vgpus.move": Row(_CHANGING, body={"device": "0"}),
    "vgpus.delete": Row(_CHANGING),
    "vgpus.series": Row(_ALL, "?step_seconds=1"),
    "vgpus.processes": Row(_ALL),
    "vgpus.attach": Row(_RULING, body={"vm": "qemu:/none"}),
    "vgpus.detach": Row(_RULING),
    "vms.started": Row(_RULING, body={"hypervisor": "libvirt", "vm": "one"}),
    "vms.stopped": Row(_RULING, body={"hypervisor": "libvirt", "vm": "one"}),
    "leases.begin": Row(_CHANGING, body={"process_id": 1}),
    "leases.list": Row(_ALL),
    "leases.show": Row(_ALL),
    "leases.end": Row(_CHANGING),
    "devices.list": Row(_ALL),
    "devices.show": Row(_ALL),
    "devices.set_policy": Row(_RULING, body={"policy": "equal-share"}),
    "devices.set_priority_mix": Row(_RULING, body={"mix": {"latency:batch": 0}}),
    "devices.series": Row(_ALL, "?step_seconds=10"),
    "devices.turns": Row(_ALL),
    "diagram.show": Row(_ALL),
    "diagram.modes": Row(_ALL),
    "groups.list": Row(_ALL),
    "groups.create": Row(
        _CHANGING, body={"name": "group", "vgpus": [{"name": "member", "memory": 1048576}]}
    ),
    "groups.show": Row(_ALL),
    "groups.delete": Row(_CHANGING),
    "queue.list": Row(_ALL),
    "queue.leave": Row(_CHANGING),
    "receipts.list": Row(_ALL),
    "receipts.of_vgpu": Row(_ALL),
    "receipts.now": Row(_ALL),
    "profiles.list": Row(_ALL),
    "profiles.show": Row(_ALL),
    "profiles.put": Row(_RULING, body={"memory": 1048576}),
    "profiles.remove": Row(_RULING),
    "tokens.list": Row(_ALL),
    "tokens.create": Row(_CHANGING, body={"name": "one", "role": "viewer"}),
    "tokens.invite": Row(_ALL),
    "tokens.revoke": Row(_CHANGING),
    "audit.list": Row(_RULING),
    "audit.verify": Row(_RULING),
    "events.since": Row(_ALL, "?since=0"),
    "node.show": Row(_ALL),
    "node.metrics": Row(_ALL),
    "node.agreement": Row(_RULING),
    "node.whoami": Row(_ALL),
    "node.openapi": Row(_ALL),
    "node.health": Row((NOBODY, *_ALL)),
    "node.ready": Row((NOBODY, *_ALL)),
    "events.watch": Row(_ALL),
}
# A stream doesn't end by itself: test_watch.py has it, with and without rights.
_STREAMS = {"events.watch"}
ENDING = [operation for operation in OPERATIONS if operation.name not in _STREAMS]


def path_of(operation: Operation) -> str:
    """A path at which there may be nothing."""
    given = {"vgpu": "none", "device": "0", "lease": _NONE, "group": "none", "token": "0" * 16}
    path = operation.path.format(**{**given, "name": "none"})
    return path.removeprefix("/api/v1")


def test_every_operation_has_a_rule_and_a_row() -> None:
    names = [operation.name for operation in OPERATIONS]
    assert len(set(names)) == len(names)
    assert set(names) == set(RULES) | PUBLIC == set(EXPECTED)
    assert not set(RULES) & PUBLIC
    assert {operation.name for operation in OPERATIONS if operation.method != "GET"} == {
        name
        for name, rule in RULES.items()
        if rule.scope is None or rule.scope.endswith(":write") or name == "vgpus.plan"
    } - {"node.whoami", "node.openapi"}


@pytest.fixture
def tokens(on_fakes: Serving) -> dict[str, str]:
    """A token a role, of one tenant."""
    return {NOBODY: ""} | {role.value: on_fakes.token("alice", role) for role in Role}


@pytest.mark.parametrize("operation", ENDING, ids=lambda operation: operation.name)
def test_who_may_do_what(on_fakes: Serving, tokens: dict[str, str], operation: Operation) -> None:
    row = EXPECTED[operation.name]
    for role, token in tokens.items():
        answer = ask(
            on_fakes, operation.method, path_of(operation) + row.query, row.body, token=token
        )
        assert answer.status < 500, answer
        if role == NOBODY and role not in row.who:
            assert (answer.status, answer.code) == (401, "ALQ-E422")
            assert answer.headers["www-authenticate"] == "Bearer"
        elif role in row.who:
            assert answer.status not in (401, 403), (role, answer)
        else:
            assert (answer.status, answer.code) == (403, "ALQ-E423"), role


@pytest.mark.parametrize("operation", ENDING, ids=lambda operation: operation.name)
def test_a_narrowed_token_does_that_alone(on_fakes: Serving, operation: Operation) -> None:
    rule = RULES.get(operation.name)
    if rule is None or rule.scope is None:
        return
    row = EXPECTED[operation.name]
    other = "groups:write" if rule.scope.startswith("vgpus") else "vgpus:write"
    kind, _, verb = rule.scope.partition(":")
    allowed = {rule.scope, f"*:{verb}", f"{kind}:write", "*:write"}
    refused = {other, *({f"{kind}:read", "*:read"} if verb == "write" else ())}
    for scope in allowed | refused:
        token = on_fakes.token("alice", Role.ADMIN, scope)
        answer = ask(
            on_fakes, operation.method, path_of(operation) + row.query, row.body, token=token
        )
        # A token that makes a token has to hand on its own narrowness.
        denied = answer.status == 403 and "less so" not in answer.json["detail"]
        assert denied is (scope in refused), (scope, answer)


def test_a_lease_with_a_new_vgpu_needs_the_scope_for_leases(on_fakes: Serving) -> None:
    wanted = {"name": "leased", "memory": 1048576, "lease": {"process_id": 1}}
    narrow = on_fakes.token("alice", Role.USER, "vgpus:write")
    assert ask(on_fakes, "POST", "/vgpus", wanted, token=narrow).code == "ALQ-E423"
    wide = on_fakes.token("alice", Role.USER, "vgpus:write", "leases:write")
    assert ask(on_fakes, "POST", "/vgpus", wanted, token=wide).status == 201


def test_what_scopes_cover() -> None:
    assert covers(("vgpus:read",), "vgpus:read")
    assert covers(("vgpus:write",), "vgpus:read")
    assert covers(("*:read",), "audit:read")
    assert not covers(("*:read",), "audit:write")
    assert not covers(("vgpus:read",), "vgpus:write")
    assert not covers(("leases:write",), "vgpus:read")


def test_others_things_are_not_there(serving: Serving) -> None:
    alice, bob = (serving.token(name, Role.USER) for name in ("alice", "bob"))
    with serving.client(alice) as mine, serving.client() as admin:
        made = mine.vgpus.create(VgpuWanted(name="mine", memory=1 << 20, device="0"))
        for reference in (made.id, "mine", "alice:mine"):
            for method, path, body in (
                ("GET", "", None),
                ("PATCH", "", {"weight": 2}),
                ("DELETE", "", None),
                ("POST", "/suspend", None),
                ("POST", "/resume", None),
                ("POST", "/move", {"device": "0"}),
                ("POST", "/leases", {"process_id": 1}),
            ):
                others = ask(serving, method, f"/vgpus/{reference}{path}", body, token=bob)
                missing = ask(serving, method, f"/vgpus/none{path}", body, token=bob)
                # The same in all but the name that was asked for.
                assert (others.status, others.code) == (missing.status, missing.code)
                assert others.status == 404
        assert ask(serving, "GET", "/vgpus", token=bob).json["items"] == []
        assert ask(serving, "GET", "/vgpus?tenant=alice", token=bob).json["items"] == []
        assert mine.vgpus.show("mine").id == made.id
        assert admin.vgpus.show("alice:mine").id == made.id
        assert mine.vgpus.show("mine").generation == 1


def test_a_token_makes_none_that_can_do_more(on_fakes: Serving) -> None:
    user = on_fakes.token("alice", Role.USER)
    for wanted in ({"role": "admin"}, {"tenant": "bob"}):
        answer = ask(on_fakes, "POST", "/tokens", {"name": "x", **wanted}, token=user)
        assert (answer.status, answer.code) == (403, "ALQ-E423")
    narrow = on_fakes.token("alice", Role.USER, "tokens:write", "vgpus:read")
    for scope in ([], ["leases:read"], ["vgpus:write"]):
        wanted = {"name": "x", "scope": scope}
        assert ask(on_fakes, "POST", "/tokens", wanted, token=narrow).status == 403
    allowed = {"name": "x", "scope": ["vgpus:read"]}
    made = ask(on_fakes, "POST", "/tokens", allowed, token=narrow)
    assert made.status == 201
    listed = ask(on_fakes, "GET", "/tokens", token=user).json["items"]
    assert {one["tenant"] for one in listed} == {"alice"}
    assert all(one["secret"] is None for one in listed)
    others = on_fakes.token("bob", Role.USER)
    path = f"/tokens/{made.json['id']}"
    assert ask(on_fakes, "DELETE", path, token=others).status == 404
    assert ask(on_fakes, "DELETE", path, token=user).status == 200
    ended = ask(on_fakes, "GET", "/vgpus", token=made.json["secret"])
    assert (ended.status, ended.code) == (401, "ALQ-E325")


def test_what_was_denied_is_in_the_audit_and_bounded(on_fakes: Serving) -> None:
    viewer = on_fakes.token("eve", Role.VIEWER)
    for _ in range(60):
        assert ask(on_fakes, "DELETE", "/vgpus/none", token=viewer).status == 403
    with on_fakes.client() as admin:
        admin.node.whoami()
        rows = [row for row in admin.audit.list(limit=1000).items if row.action == "request.denied"]
    assert 0 < len(rows) <= 30
    assert {row.subject for row in rows} == {"vgpus.delete"}
    assert all(row.actor.startswith("eve (token ") for row in rows)
