"""How many vGPUs a tenant may have: no user fills the devices, or the queue, for all."""

from __future__ import annotations

import pytest

from aliquot.errors import BadServerSetting, TooManyVgpus
from aliquot.model.api.vgpus import GroupWanted, VgpuWanted
from tests.contract.daemon.house import ADMIN, ALICE, BOB, GIB, House

MOST = 4


@pytest.fixture
def narrow(home: House) -> House:
    """A house where a tenant may have few."""
    home.core.most_vgpus = MOST
    return home


def small(name: str, wait_ms: int | None = None) -> VgpuWanted:
    return VgpuWanted(name=name, memory=2, wait_ms=wait_ms)


def group(name: str, members: int) -> GroupWanted:
    vgpus = [small(f"{name}-{number}") for number in range(members)]
    return GroupWanted(name=name, vgpus=vgpus, spread=False)


def test_a_user_has_so_many_and_no_more(narrow: House) -> None:
    service = narrow.service
    for number in range(MOST):
        service.vgpus.create(ALICE, small(f"v{number}"))
    with pytest.raises(TooManyVgpus, match=f"'alice' has {MOST} vGPUs, and may have {MOST}"):
        service.vgpus.create(ALICE, small("more"))
    assert len(narrow.machine.usages()) == MOST
    service.vgpus.create(BOB, small("of-another"))
    service.vgpus.delete(ALICE, "v0")
    service.vgpus.create(ALICE, small("more"))


def test_those_that_wait_and_members_of_groups_count(narrow: House) -> None:
    service = narrow.service
    service.vgpus.create(ADMIN, VgpuWanted(name="one", memory=8 * GIB))
    service.vgpus.create(ADMIN, VgpuWanted(name="two", memory=8 * GIB))
    for number in range(MOST):
        service.vgpus.create(ALICE, small(f"v{number}", wait_ms=100_000))
    with pytest.raises(TooManyVgpus):
        service.vgpus.create(ALICE, small("more", wait_ms=100_000))
    service.vgpus.delete(ADMIN, "one")
    with pytest.raises(TooManyVgpus):
        service.groups.create(BOB, group("all", MOST + 1))
    assert service.groups.list(BOB).items == []
    assert len(service.groups.create(BOB, group("all", MOST)).vgpus) == MOST
    with pytest.raises(TooManyVgpus):
        service.vgpus.create(BOB, small("more"))


def test_administrators_have_no_limit(narrow: House) -> None:
    for number in range(MOST + 1):
        narrow.service.vgpus.create(ADMIN, small(f"v{number}"))
    narrow.service.groups.create(ADMIN, group("all", MOST + 1))
    # Nor for those for whom they make something.
    for number in range(MOST + 1):
        wanted = VgpuWanted(name=f"v{number}", memory=2, tenant="alice")
        narrow.service.vgpus.create(ADMIN, wanted)


def test_a_request_that_is_sent_again_is_answered_at_the_limit(narrow: House) -> None:
    service = narrow.service
    made = service.vgpus.create(ALICE, small("v0"), idempotency_key="0")
    for number in range(1, MOST):
        service.vgpus.create(ALICE, small(f"v{number}"))
    again = service.vgpus.create(ALICE, small("v0"), idempotency_key="0")
    assert again.id == made.id


def test_an_impossible_number_is_refused() -> None:
    from aliquot.cli import serve

    with pytest.raises(BadServerSetting):
        serve.main(["--most-vgpus", "0"])
