"""How much a tenant may have: no user fills the devices, or the queue, for all."""

from __future__ import annotations

from typing import Any

import pytest

from aliquot.errors import AliquotError, TenantQuota, TooManyVgpus
from aliquot.model.api.vgpus import GroupWanted, VgpuChange, VgpuWanted
from aliquot.placement.engine.quotas import Quota
from aliquot.store import reservations
from aliquot.store.change import SYSTEM
from tests.contract.daemon.house import ADMIN, ALICE, BOB, GIB, House

MOST = 4


@pytest.fixture
def narrow(home: House) -> House:
    """A house where a tenant may have few."""
    home.core.quota = Quota(places=MOST)
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


@pytest.fixture
def bounded(home: House) -> House:
    """A house where all vGPUs of a tenant may have 6 GiB and 60 % together."""
    home.core.quota = Quota(places=MOST, device_memory=6 * GIB, share=6_000)
    return home


def sized(name: str, gib: int, compute: float = 0, **more: Any) -> VgpuWanted:
    return VgpuWanted(name=name, memory=gib * GIB, compute=compute, **more)


def test_all_vgpus_of_a_tenant_have_so_much_together(bounded: House) -> None:
    vgpus = bounded.service.vgpus
    vgpus.create(ALICE, sized("one", 4, 40))
    with pytest.raises(TenantQuota, match="2 GiB is left of what its tenant may have"):
        vgpus.create(ALICE, sized("more", 3))
    with pytest.raises(TenantQuota, match="20 % can still be guaranteed"):
        vgpus.create(ALICE, sized("more", 1, 21))
    # Nor does whoever waits get round it, nor a group, nor whoever grows.
    with pytest.raises(TenantQuota):
        vgpus.create(ALICE, sized("more", 3, wait_ms=100_000))
    with pytest.raises(TenantQuota):
        bounded.service.groups.create(
            ALICE, GroupWanted(name="g", vgpus=[sized("a", 1), sized("b", 2)], spread=False)
        )
    with pytest.raises(TenantQuota):
        vgpus.change(ALICE, "one", VgpuChange(memory=7 * GIB))
    assert [one.name for one in vgpus.list(ALICE).items] == ["one"]
    vgpus.change(ALICE, "one", VgpuChange(memory=5 * GIB, compute=60))
    vgpus.create(ALICE, sized("more", 1))
    vgpus.create(BOB, sized("of-another", 5, 10))
    vgpus.delete(ALICE, "one")
    vgpus.create(ALICE, sized("again", 2, 60))


def test_who_is_to_become_smaller_counts_as_before_until_it_is(bounded: House) -> None:
    vgpus = bounded.service.vgpus
    made = vgpus.create(ALICE, sized("one", 1))
    # As long as its device host has not made it so small, it keeps what it had.
    with bounded.store.change(SYSTEM) as change:
        reservations.reserve(change, made.id, str(made.device), 5 * GIB, 5_000)
    with pytest.raises(TenantQuota, match="1 GiB is left"):
        vgpus.create(ALICE, sized("more", 2))
    with pytest.raises(TenantQuota, match="10 % can still be guaranteed"):
        vgpus.create(ALICE, sized("more", 1, 11))
    with pytest.raises(TenantQuota):
        vgpus.change(ALICE, "one", VgpuChange(memory=7 * GIB))
    vgpus.change(ALICE, "one", VgpuChange(memory=5 * GIB))  # which it has as yet


def test_without_a_size_a_vgpu_has_what_the_quota_leaves(bounded: House) -> None:
    vgpus = bounded.service.vgpus
    vgpus.create(ALICE, sized("one", 4))
    assert vgpus.create(ALICE, VgpuWanted(name="rest")).memory == 2 * GIB
    with pytest.raises(TenantQuota):
        vgpus.create(ALICE, VgpuWanted(name="nothing"))
    alone = [VgpuWanted(name=name) for name in ("a", "b")]
    with pytest.raises(TenantQuota):
        bounded.service.groups.create(BOB, GroupWanted(name="g", vgpus=alone, spread=True))


def test_a_dry_run_tells_of_the_quota_and_what_would_be_within_it(bounded: House) -> None:
    vgpus = bounded.service.vgpus
    vgpus.create(ALICE, sized("one", 4, 10, movable=True))
    plan = vgpus.plan(ALICE, sized("more", 3))
    assert not plan.fits
    assert "2 GiB is left of what its tenant may have, 3 GiB are asked for" in plan.why
    assert plan.changes[0].startswith("with 2 GiB of memory, 1 GiB less, it fits on")
    assert plan.queue_position is None  # no time mends a quota
    assert vgpus.plan(ALICE, sized("more", 2)).fits
    plan = vgpus.plan(ALICE, sized("more", 1, 60))
    assert plan.changes[0].startswith("with a guarantee of 50 % instead of 60 %, it fits on")
    assert vgpus.plan(ADMIN, sized("more", 7, tenant="alice")).fits


@pytest.mark.parametrize(
    "options",
    [
        ["--most-vgpus", "0"],
        ["--most-compute", "-1"],
        ["--most-compute", "nan"],
        ["--most-memory", "much"],
    ],
)
def test_an_impossible_bound_is_refused(options: list[str]) -> None:
    from aliquot.cli import serve

    with pytest.raises(AliquotError) as raised:
        serve.main(options)
    assert raised.value.exit_status == 2
