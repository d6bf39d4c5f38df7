"""Groups: all of their members are made and placed, or none."""

from __future__ import annotations

from typing import Any

import pytest

from aliquot import errors
from aliquot.daemon.caller import Caller
from aliquot.model.access_token import Role
from aliquot.model.api.leases import LeaseKind
from aliquot.model.api.vgpus import GroupWanted, LeaseWanted, VgpuWanted
from aliquot.model.lifecycle import VgpuState
from aliquot.store import queue
from tests.contract.placement.house import ADMIN, ALICE, BOB, LONG_MS, House, wanted
from tests.contract.store.places import DEVICE, GIB, OTHER


def member(name: str, memory: int | None = 4, **more: Any) -> VgpuWanted:
    return VgpuWanted(name=name, memory=memory and memory * GIB, **more)


def group(name: str, *members: VgpuWanted, spread: bool = True) -> GroupWanted:
    return GroupWanted(name=name, vgpus=list(members), spread=spread)


def test_members_get_devices_of_their_own(house: House) -> None:
    made = house.groups.create(ALICE, group("train", member("r0"), member("r1")))
    assert (made.name, made.tenant) == ("train", "alice")
    assert {kept.device for kept in made.vgpus} == {DEVICE, OTHER}
    assert {kept.state for kept in made.vgpus} == {VgpuState.READY}
    assert {kept.group for kept in made.vgpus} == {made.id}
    assert house.groups.show(ALICE, "train") == house.groups.show(ADMIN, "alice:train") == made
    assert house.groups.show(ALICE, made.id) == made
    assert house.groups.list(ALICE).items == [made] == house.groups.list(ADMIN).items
    assert house.groups.list(BOB).items == []
    for reference in ("train", made.id, "alice:train"):
        with pytest.raises(errors.NoSuchEntry):
            house.groups.show(BOB, reference)
    house.check()


def test_members_that_share_devices_are_fitted_together(house: House) -> None:
    members = [member(f"r{n}", memory) for n, memory in enumerate((9, 7, 10, 6))]
    made = house.groups.create(ALICE, group("train", *members, spread=False))
    by_device: dict[str | None, list[int]] = {}
    for kept in made.vgpus:
        by_device.setdefault(kept.device, []).append(kept.memory // GIB)
    assert sorted(sorted(sizes) for sizes in by_device.values()) == [[6, 10], [7, 9]]


def test_where_one_has_no_place_none_is_made(house: House) -> None:
    asked = group("train", member("r0"), member("r1", 12), member("r2"))
    with pytest.raises(errors.GroupDoesNotFit, match="'r2': alone it fits, but not on a device"):
        house.groups.create(ALICE, asked)
    with pytest.raises(errors.GroupDoesNotFit, match=r"'r1': .* has 16 GiB at all, 17 GiB are"):
        house.groups.create(ALICE, group("train", member("r0"), member("r1", 17)))
    house.create("r1", wanted(1))
    with pytest.raises(errors.NameTaken):
        house.groups.create(ALICE, group("train", member("r0"), member("r1")))
    assert house.groups.list(ALICE).items == []
    with house.store.look() as view:
        assert queue.counted(view) == 0
    house.check()


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ([member("a"), member("a")], errors.BadGroup),
        ([member("a"), member("b", tenant="bob")], errors.BadGroup),
        ([member("a", wait_ms=5), member("b")], errors.BadGroup),
        (
            [member("a", lease=LeaseWanted(process_id=1, kind=LeaseKind.PROCESS))],
            errors.BadGroup,
        ),
        ([member("a", tenant="bob"), member("b", tenant="bob")], errors.NotPermitted),
    ],
)
def test_what_no_group_can_be_is_refused(
    house: House, members: list[VgpuWanted], kind: type[errors.AliquotError]
) -> None:
    with pytest.raises(kind):
        house.groups.create(ALICE, group("train", *members))


def test_members_without_a_size_need_devices_of_their_own(house: House) -> None:
    with pytest.raises(errors.SizeNeeded):
        house.groups.create(ALICE, group("g", member("a", None), member("b"), spread=False))
    made = house.groups.create(ALICE, group("g", member("a", None), member("b", None)))
    assert [kept.memory for kept in made.vgpus] == [16 * GIB, 16 * GIB]


def test_a_viewer_makes_none(house: House) -> None:
    viewer = Caller(tenant="alice", role=Role.VIEWER)
    with pytest.raises(errors.NotPermitted):
        house.groups.create(viewer, group("train", member("r0")))


def test_the_same_request_is_done_once(house: House) -> None:
    asked = group("train", member("r0"))
    first = house.groups.create(ALICE, asked, idempotency_key="k")
    assert house.groups.create(ALICE, asked, idempotency_key="k") == first
    with pytest.raises(errors.IdempotencyKeyReused):
        house.groups.create(ALICE, group("other", member("r0")), idempotency_key="k")


def test_deleting_ends_all_and_frees_the_name(house: House) -> None:
    house.groups.create(ALICE, group("train", member("r0"), member("r1")))
    with pytest.raises(errors.NoSuchEntry):
        house.groups.delete(BOB, "train")
    assert house.groups.delete(ALICE, "train").vgpus == []
    with pytest.raises(errors.NoSuchEntry):
        house.groups.show(ALICE, "train")
    again = house.groups.create(ALICE, group("train", member("r0"), member("r1")))
    assert house.groups.list(ALICE).items == [again]
    house.check()


def test_a_group_waits_and_is_served_as_a_whole(house: House) -> None:
    first = house.create("a", wanted(14, device=DEVICE))
    second = house.create("b", wanted(14, device=OTHER))
    asked = group("train", member("r0", wait_ms=LONG_MS), member("r1", wait_ms=LONG_MS))
    made = house.groups.create(ALICE, asked)
    assert {kept.state for kept in made.vgpus} == {VgpuState.PENDING}
    assert [kept.queue_position for kept in made.vgpus] == [1, 2]
    house.delete(first)
    assert house.serve().placed == []
    why = {item.why for item in house.queue.list(ALICE).items}
    assert why == {"there is no room for all 2 of its group at once"}
    house.delete(second)
    assert sorted(house.serve().placed) == [kept.id for kept in made.vgpus]
    assert {kept.device for kept in house.groups.show(ALICE, "train").vgpus} == {DEVICE, OTHER}
    house.check()


def test_a_group_ends_waiting_as_a_whole(house: House) -> None:
    house.create("a", wanted(14, device=DEVICE))
    house.create("b", wanted(14, device=OTHER))
    asked = group("train", member("r0", wait_ms=LONG_MS), member("r1", wait_ms=LONG_MS))
    house.groups.create(ALICE, asked)
    house.queue.leave(ALICE, "r1")
    assert house.queue.list(ALICE).items == []
    assert house.groups.list(ALICE).items == []
