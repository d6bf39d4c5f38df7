"""What every mode does alike, however its hardware is cut or handed over."""

from __future__ import annotations

import pytest

from aliquot import words
from aliquot.errors import (
    AliquotError,
    DeviceInUse,
    FunctionTaken,
    HardwareChanged,
    HardwareError,
    HardwareGone,
    HardwareNotPermitted,
    MemoryUnavailable,
    NoRoomForPartition,
    NotMade,
    NotResizable,
)
from tests.contract.modes.houses import House, vgpu


def test_what_is_asked_changes_nothing(house: House) -> None:
    before = house.state()
    mode = house.mode()
    told = mode.capabilities(house.device)
    assert told.ability.can
    plan = mode.plan(house.wanted())
    assert plan.mode is mode.mode
    assert plan.steps
    for line in (*plan.steps, *plan.notes):
        for language in words.LANGUAGES:
            assert "{" not in words.line(language, line)
    assert house.state() == before
    assert house.changes() == 0
    assert mode.adopt() == []


def test_a_whole_life_leaves_no_trace(house: House) -> None:
    before = house.state()
    mode = house.mode()
    plan = mode.plan(house.wanted())
    made = mode.create(house.wanted())
    assert (made.mode, made.vgpu, made.device) == (mode.mode, vgpu(1), house.device)
    # Before there are virtual functions nobody knows the types by more than what was asked for.
    assert plan.type in (made.type, house.wanted().type)
    assert made.memory == plan.memory
    assert mode.verify(made.vgpu) == ()
    attachment = mode.attach(made.vgpu)
    assert attachment.functions or attachment.path or attachment.environment
    assert mode.verify(made.vgpu) == ()
    mode.detach(made.vgpu)
    assert mode.verify(made.vgpu) == ()
    mode.delete(made.vgpu)
    assert house.state() == before
    assert mode.adopt() == []


def test_what_nobody_took_away_is_not_put_back(house: House) -> None:
    mode = house.mode()
    made = mode.create(house.wanted())
    for ready in (lambda: None, lambda: mode.attach(made.vgpu)):
        ready()
        before = house.state()
        mode.restore(made.vgpu)
        assert house.state() == before


def test_everything_can_be_said_twice(house: House) -> None:
    before = house.state()
    mode = house.mode()
    made = mode.create(house.wanted())
    assert mode.create(house.wanted()) == made
    attachment = mode.attach(made.vgpu)
    assert mode.attach(made.vgpu) == attachment
    mode.detach(made.vgpu)
    mode.detach(made.vgpu)
    mode.attach(made.vgpu)
    mode.delete(made.vgpu)  # an attached one that nobody uses is taken back first
    with pytest.raises(NotMade):
        mode.delete(made.vgpu)
    assert house.state() == before


def test_another_process_finds_what_was_made(house: House) -> None:
    made = house.mode().create(house.wanted())
    later = house.mode()
    assert later.recover() == ()
    assert later.adopt() == [made]
    later.attach(made.vgpu)
    (adopted,) = house.mode().adopt()
    assert adopted.attached
    later.detach(made.vgpu)
    house.mode().delete(made.vgpu)


def test_as_many_as_fit_and_no_more(house: House) -> None:
    mode = house.mode()
    made = [mode.create(house.wanted(number)) for number in range(1, house.rooms + 1)]
    assert len({one.id for one in made}) == house.rooms
    before = house.state()
    with pytest.raises((NoRoomForPartition, FunctionTaken, MemoryUnavailable)) as refused:
        mode.plan(house.wanted(99))
    assert refused.value.lines
    with pytest.raises((NoRoomForPartition, FunctionTaken, MemoryUnavailable)):
        mode.create(house.wanted(99))
    assert house.state() == before
    assert len(mode.adopt()) == house.rooms
    mode.delete(made[0].vgpu)
    assert mode.create(house.wanted(99)).vgpu == vgpu(99)


def test_who_uses_it_is_named_and_left_alone(house: House) -> None:
    mode = house.mode()
    made = mode.create(house.wanted())
    attachment = mode.attach(made.vgpu)
    process = house.use(made, attachment)
    before, changes = house.state(), house.changes()
    for act in (mode.detach, mode.delete) if house.kept_attached else (mode.delete,):
        with pytest.raises(DeviceInUse) as refused:
            act(made.vgpu)
        assert f"process {process}" in refused.value.what
    assert (house.state(), house.changes()) == (before, changes)
    house.end_use(made)
    mode.delete(made.vgpu)


def test_unplugged_while_attached(hardware: House) -> None:
    mode = hardware.mode()
    made = mode.create(hardware.wanted())
    mode.attach(made.vgpu)
    hardware.unplug(made)
    lines = mode.verify(made.vgpu)
    assert lines
    assert words.english(*lines)
    mode.detach(made.vgpu)
    with pytest.raises(HardwareGone):
        mode.attach(made.vgpu)
    mode.delete(made.vgpu)
    assert mode.adopt() == []
    with pytest.raises(HardwareError):
        mode.create(hardware.wanted(2))


def test_changed_by_somebody_else(hardware: House) -> None:
    mode = hardware.mode()
    made = mode.create(hardware.wanted())
    mode.attach(made.vgpu)
    hardware.meddle(made)
    left = hardware.state()
    lines = mode.verify(made.vgpu)
    assert lines
    assert words.english(*lines)
    assert hardware.state() == left, "looking changes nothing"
    mode.delete(made.vgpu)
    assert mode.adopt() == []


def test_changed_before_it_is_attached(hardware: House) -> None:
    if hardware.rooms == 1:
        pytest.skip("what is only set aside is its driver's until it is attached")
    mode = hardware.mode()
    made = mode.create(hardware.wanted())
    hardware.meddle(made)
    with pytest.raises((HardwareChanged, HardwareGone)):
        mode.attach(made.vgpu)


def test_permission_denied(hardware: House) -> None:
    mode = hardware.mode()
    hardware.deny(True)
    before = hardware.state()
    with pytest.raises(HardwareNotPermitted):
        mode.attach(mode.create(hardware.wanted()).vgpu)
    assert hardware.state() == before
    hardware.deny(False)
    hardware.mode().recover()
    again = hardware.mode()
    again.attach(again.create(hardware.wanted()).vgpu)
    hardware.deny(True)
    with pytest.raises(HardwareNotPermitted):
        again.delete(vgpu(1))
    hardware.deny(False)
    again.recover()
    assert [one.vgpu for one in again.adopt()] in ([], [vgpu(1)])
    if again.adopt():
        again.delete(vgpu(1))
    hardware.deny(True)
    assert hardware.state() == before


def test_hardware_stays_as_large_as_it_was_cut(hardware: House) -> None:
    mode = hardware.mode()
    made = mode.create(hardware.wanted())
    assert mode.resize(made.vgpu) == made
    with pytest.raises(NotResizable):
        mode.resize(made.vgpu, memory=1 << 40)


def test_what_was_never_made(house: House) -> None:
    mode = house.mode()
    for act in (mode.attach, mode.detach, mode.delete, mode.verify):
        with pytest.raises(NotMade):
            act(vgpu(7))


def test_a_device_that_is_not_there(house: House) -> None:
    mode = house.mode()
    told = mode.capabilities("0000:99:00.0")
    assert not told.ability.can
    assert told.ability.lines
    with pytest.raises(AliquotError):
        mode.create(house.wanted(device="0000:99:00.0"))
