"""Where a vGPU may move, and where it may go on: by the same rules as when it was made."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from aliquot.daemon.serving import spare
from aliquot.errors import MemoryUnavailable, NoDeviceFits
from aliquot.model.api.vgpus import (
    GroupWanted,
    LeaseWanted,
    MoveWanted,
    ResumeWanted,
    SuspendWanted,
    VgpuWanted,
)
from aliquot.model.lifecycle import VgpuState, Wanted
from aliquot.store import lifecycle, vgpus
from tests.contract.daemon.house import ADMIN, ALICE, BOB, GIB, ONE, TWO, House

Start = Callable[[], "subprocess.Popen[bytes]"]
DAY_MS = 86_400_000


def test_it_moves_to_no_device_with_what_it_is_kept_apart_from(home: House) -> None:
    vgpus = home.service.vgpus
    for name, device, apart in (("a", ONE, "team"), ("b", TWO, None)):
        wanted = VgpuWanted(name=name, memory=GIB, device=device, labels={"team": "x"}, apart=apart)
        vgpus.create(ALICE, wanted)
    for name, to in (("a", TWO), ("b", ONE)):  # by the word of either
        with pytest.raises(NoDeviceFits):
            vgpus.move(ALICE, name, MoveWanted(device=to))
    assert (vgpus.show(ALICE, "a").device, vgpus.show(ALICE, "b").device) == (ONE, TWO)
    vgpus.delete(ALICE, "b")
    assert vgpus.move(ALICE, "a", MoveWanted(device=TWO)).device == TWO


def test_a_group_that_was_spread_stays_so_when_a_member_moves(home: House) -> None:
    members = [VgpuWanted(name=name, memory=GIB) for name in ("r0", "r1")]
    made = home.service.groups.create(ALICE, GroupWanted(name="job", vgpus=members))
    first, second = made.vgpus
    with pytest.raises(NoDeviceFits):
        home.service.vgpus.move(ALICE, first.id, MoveWanted(device=second.device or ""))
    assert home.service.vgpus.show(ALICE, first.id).device == first.device


def test_it_moves_into_no_room_that_is_kept_for_who_waits(home: House) -> None:
    vgpus = home.service.vgpus
    vgpus.create(ALICE, VgpuWanted(name="a", memory=4 * GIB, device=ONE))
    vgpus.create(BOB, VgpuWanted(name="there", memory=4 * GIB, device=TWO))
    waiting = VgpuWanted(name="waits", memory=8 * GIB, device=TWO, wait_ms=DAY_MS)
    vgpus.create(BOB, waiting)
    home.clock.now += 60_000  # longer than it may be overtaken
    with pytest.raises(MemoryUnavailable):
        vgpus.move(ALICE, "a", MoveWanted(device=TWO))


def test_one_that_is_in_use_goes_on_where_its_programs_memory_is(
    home: House, process: Start
) -> None:
    vgpus = home.service.vgpus
    made = vgpus.create(ALICE, VgpuWanted(name="a", memory=6 * GIB))
    assert made.device == ONE
    home.service.leases.begin(ADMIN, "alice:a", LeaseWanted(process_id=process().pid))
    vgpus.suspend(ALICE, "a", SuspendWanted(release=True))
    vgpus.create(BOB, VgpuWanted(name="b", memory=7 * GIB, device=ONE))
    vgpus.resume(ALICE, "a", ResumeWanted(wait_ms=DAY_MS))
    home.service.queue.serve()
    home.settle()
    waiting = vgpus.show(ALICE, "a")  # though the other device is empty
    assert (waiting.state, waiting.device) == (VgpuState.SUSPENDED, None)
    assert waiting.queue_position == 1
    vgpus.delete(BOB, "b")
    home.service.queue.serve()
    home.settle()
    back = vgpus.show(ALICE, "a")
    assert (back.state, back.device, back.leases) == (VgpuState.LEASED, ONE, 1)
    # Its wish for a device is what it was: none.
    moved = vgpus.move(ALICE, "a", MoveWanted(device=TWO))
    assert moved.device == TWO


def test_one_that_is_spared_while_it_is_suspended_keeps_its_place(home: House) -> None:
    made = home.service.vgpus.create(ALICE, VgpuWanted(name="a", memory=GIB))
    with home.store.change("root") as change:
        kept = vgpus.get(change, made.id)
        stops = lifecycle.with_wanted(
            kept.spec, wanted=Wanted.SUSPENDED, release=True, preempted=True
        )
        lifecycle.want(change, made.id, stops)
    host = home.machine.by_uuid[ONE]

    def spared(_: str) -> None:
        host.after = lambda _: None
        with home.store.change("root") as change:
            spare(change, vgpus.get(change, made.id))

    host.after = spared
    for _ in range(2):
        home.settle()
    back = home.service.vgpus.show(ALICE, "a")
    assert (back.state, back.device, back.settled) == (VgpuState.READY, ONE, True)


def test_one_that_is_suspended_again_while_it_waits_stays_suspended(home: House) -> None:
    made = home.service.vgpus
    made.create(ALICE, VgpuWanted(name="a", memory=6 * GIB, device=ONE))
    made.suspend(ALICE, "a", SuspendWanted(release=True))
    made.create(BOB, VgpuWanted(name="b", memory=7 * GIB, device=ONE))
    assert made.resume(ALICE, "a", ResumeWanted(wait_ms=DAY_MS)).queue_position == 1
    made.suspend(ALICE, "a", SuspendWanted(release=True))
    made.delete(BOB, "b")
    home.service.queue.serve()
    home.settle()
    stays = made.show(ALICE, "a")
    assert (stays.state, stays.device, stays.queue_position) == (VgpuState.SUSPENDED, None, None)
