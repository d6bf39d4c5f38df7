"""The picture is of what there is and of what its caller may see."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from aliquot.daemon.caller import Caller
from aliquot.diagram.scene import Choice
from aliquot.errors import UnknownDevice
from aliquot.model.api.picture import Box, Picture
from aliquot.model.api.vgpus import LeaseWanted, VgpuWanted
from tests.contract.daemon.house import ADMIN, ALICE, BOB, GIB, ONE, TWO, House

Start = Callable[[], "subprocess.Popen[bytes]"]

ALL = Choice()


def draw(home: House, caller: Caller = ADMIN, choice: Choice = ALL) -> Picture:
    return home.service.diagram.show(caller, choice)


def named(picture: Picture) -> dict[str, Box]:
    return {str(box.title.values.get("name", box.id)): box for box in picture.boxes}


def test_it_has_what_the_api_tells(home: House, process: Start) -> None:
    made = home.service.vgpus.create(ADMIN, VgpuWanted(name="a", memory=GIB, device=ONE))
    home.service.leases.begin(ADMIN, "a", LeaseWanted(process_id=process().pid, name="me"))
    home.look()
    picture = draw(home)
    boxes = {box.id: box for box in picture.boxes}
    devices = home.service.devices.list(ADMIN)
    assert picture.sequence == devices.sequence
    for device in devices.items:
        memory, time = boxes[f"device:{device.uuid}"].bars
        assert memory.total == device.memory
        assert sum(part.promised for part in memory.parts) == device.reserved_memory
        assert sum(part.promised for part in time.parts) == device.reserved_compute
    vgpu = home.service.vgpus.show(ADMIN, "a")
    assert boxes[f"vgpu:{made.id}"].state == vgpu.state.value == "leased"
    (lease,) = home.service.leases.list(ADMIN).items
    user = boxes[f"consumers:{made.id}"]
    assert user.title.values == {"name": lease.holder}
    assert user.lines[0].values == {"process": lease.process_id}


def test_others_are_not_there(home: House) -> None:
    home.service.vgpus.create(ALICE, VgpuWanted(name="alices", memory=GIB, device=ONE))
    home.service.vgpus.create(BOB, VgpuWanted(name="bobs", memory=2 * GIB, device=ONE))
    assert {"alices", "bobs"} <= named(draw(home)).keys()
    seen = draw(home, BOB)
    assert "bobs" in named(seen)
    assert "alice" not in repr(seen)
    (others,) = [box for box in seen.boxes if box.kind == "others"]
    assert others.count == 1
    assert "alices" not in named(draw(home, BOB, Choice(owner="alice")))


def test_who_uses_what_is_told_to_who_may_know(home: House, process: Start) -> None:
    home.service.vgpus.create(ADMIN, VgpuWanted(name="a", memory=GIB, device=ONE))
    home.service.leases.begin(ADMIN, "a", LeaseWanted(process_id=process().pid))
    told = home.service.diagram.show(ADMIN, Choice(), with_leases=False)
    assert not [box for box in told.boxes if box.id.startswith("consumers:")]
    assert [box for box in draw(home).boxes if box.id.startswith("consumers:")]


def test_a_place_is_kept_while_it_is_there(home: House) -> None:
    for name in ("a", "b", "c"):
        home.service.vgpus.create(ADMIN, VgpuWanted(name=name, memory=GIB, device=ONE))
    before = named(draw(home))
    home.service.vgpus.delete(ADMIN, "a")
    after = named(draw(home))
    assert "a" not in after
    assert [(after[n].x, after[n].y) for n in "bc"] == [(before[n].x, before[n].y) for n in "bc"]


def test_nothing_new_is_not_drawn_anew(home: House) -> None:
    home.service.sampler.beat()
    first = draw(home)
    assert draw(home) is first
    home.service.vgpus.create(ADMIN, VgpuWanted(name="a", memory=GIB, device=ONE))
    assert "a" in named(draw(home))


def test_one_device(home: House) -> None:
    picture = draw(home, choice=Choice(device=TWO))
    assert [box.subject for box in picture.boxes if box.kind == "device"] == [TWO]
    with pytest.raises(UnknownDevice):
        draw(home, choice=Choice(device="nothing"))


def test_figures_that_are_not_of_now_are_marked(home: House) -> None:
    assert all(box.stale for box in draw(home).boxes if box.kind == "device")  # none yet
    home.service.sampler.beat()
    assert not any(box.stale for box in draw(home).boxes)
    home.core.problems[f"device host {ONE}"] = "it does not answer"
    home.service.sampler.beat()
    assert [box.subject for box in draw(home).boxes if box.stale] == [ONE]
