"""`aliquot doctor --deep` believes the daemon's disagreements only where they last."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from aliquot.client.rest import Client
from aliquot.diagnosis import agreement
from aliquot.diagnosis.finding import Level
from aliquot.errors import NotAllowed
from aliquot.model.api.node import Agreement, AuditVerdict


class FakeNode:
    """A daemon that tells of other problems each time."""

    def __init__(self, *told: list[str]) -> None:
        self.told = list(told)

    def show(self) -> Any:
        return SimpleNamespace(name="node", version="1", process_id=1, problems=["no NVML"])

    def agreement(self) -> Agreement:
        problems = self.told.pop(0) if len(self.told) > 1 else self.told[0]
        return Agreement(agree=not problems, vgpus=3, problems=problems)


def levels(node: FakeNode, breaks: list[str] | None = None) -> dict[str, Level]:
    verdict = AuditVerdict(intact=not breaks, heads={"node": "0"}, breaks=breaks or [])
    audit = SimpleNamespace(verify=lambda: verdict)
    client = cast("Client", SimpleNamespace(node=node, audit=audit))
    return {finding.subject: finding.level for finding in agreement.check(client)}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "_PAUSE_S", 0)


def test_all_agree() -> None:
    assert levels(FakeNode([])) == {
        "listens": Level.OK,
        "can't do all of its work": Level.WEAK,
        "agreement": Level.OK,
        "audit": Level.OK,
    }


def test_what_is_under_way_is_not_told() -> None:
    assert levels(FakeNode(["a"], ["b"], ["a"]))["agreement"] is Level.OK


def test_what_lasts_is_broken() -> None:
    assert levels(FakeNode(["a", "b"], ["b", "c"], ["b"]))["agreement"] is Level.BROKEN


def test_an_altered_audit_is_broken() -> None:
    assert levels(FakeNode([]), ["row 3"])["audit"] is Level.BROKEN


def test_who_is_no_admin_is_told_so() -> None:
    class Refusing(FakeNode):
        def agreement(self) -> Agreement:
            raise NotAllowed("the role user doesn't cover node.agreement")

    assert levels(Refusing([]))["agreement"] is Level.WEAK
