"""vGPUs of hardware in the daemon: made, used, lost and back again, given back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot import words
from aliquot.errors import (
    AliquotError,
    DeviceInUse,
    HardwareChanged,
    HardwareGone,
    HardwareNotPermitted,
    NoSuchVgpu,
    NotInThisMode,
    NotResizable,
)
from aliquot.model.api.vgpus import (
    LeaseWanted,
    MoveWanted,
    SuspendWanted,
    VgpuChange,
    VgpuResource,
    VgpuWanted,
)
from aliquot.model.hardware import Made
from aliquot.model.lifecycle import VgpuState, Wanted
from aliquot.model.modes import Mode
from aliquot.store import lifecycle
from tests.contract.daemon.hardware_house import HardwareService
from tests.contract.daemon.house import ADMIN, GIB
from tests.contract.modes.houses import GPU, HOUSES
from tests.fakes.kernel.machine import Machine

# A parent that is no PCI function is no device that discovery finds.
KINDS = sorted(HOUSES.keys() - {"mdev-virtual"})


@pytest.fixture(params=KINDS)
def service(
    request: pytest.FixtureRequest, tmp_path: Path, sysfs: str, machine: Machine
) -> Iterator[HardwareService]:
    yield from served(request.param, tmp_path, sysfs, machine)


def served(kind: str, folder: Path, sysfs: str, machine: Machine) -> Iterator[HardwareService]:
    made = HardwareService(folder, HOUSES[kind](folder, sysfs, machine))
    try:
        yield made
    finally:
        made.close()


def test_a_whole_life(service: HardwareService) -> None:
    before = service.house.state()
    made = service.create()
    assert (made.state, made.settled, made.reason) == (VgpuState.READY, True, "")
    assert made.hardware
    assert made.device is not None
    attachment = service.core.hardware.attachment(made.id)
    assert attachment.vgpu.replace("-", "") == made.id
    service.core.hardware.release(made.id)
    assert service.service.vgpus.delete(ADMIN, "a").state is VgpuState.DELETED
    assert service.house.state() == before
    assert service.core.hardware.adopt() == {}


def test_what_is_used_is_not_deleted_and_goes_on(service: HardwareService) -> None:
    made = service.create()
    house = service.house
    attachment = service.core.hardware.attachment(made.id)
    user = house.use(_made(made), attachment)
    with pytest.raises(DeviceInUse, match=str(user)):
        service.service.vgpus.delete(ADMIN, "a")
    after = service.show()
    assert (after.state, after.wanted, after.settled) == (VgpuState.READY, Wanted.RUNNING, True)
    house.end_use(_made(made))
    assert service.service.vgpus.delete(ADMIN, "a").state is VgpuState.DELETED


def test_unplugged_it_has_failed_and_plugged_in_again_it_goes_on(service: HardwareService) -> None:
    made = service.create()
    service.unplug(made)
    service.watch()
    lost = service.show()
    assert lost.state is VgpuState.FAILED
    assert lost.reason_code == HardwareGone.code
    assert lost.reason_lines
    service.settle()
    assert service.show().state is VgpuState.FAILED, "it is not back yet"
    service.plug_back()
    service.watch()
    service.settle()
    back = service.show()
    assert (back.state, back.reason) == (VgpuState.READY, "")
    assert service.core.hardware.verify(made.id) is None
    service.service.vgpus.delete(ADMIN, "a")
    assert service.core.hardware.adopt() == {}


def test_unplugged_while_attached(service: HardwareService) -> None:
    made = service.create()
    service.core.hardware.attachment(made.id)
    service.unplug(made)
    service.watch()
    assert service.show().state is VgpuState.FAILED
    service.plug_back()
    service.watch()
    service.settle()
    assert service.show().state is VgpuState.READY
    assert service.core.hardware.attachment(made.id).vgpu


def test_changed_by_somebody_else_it_has_failed(service: HardwareService) -> None:
    made = service.create()
    service.core.hardware.attachment(made.id)
    service.house.meddle(_made(made))
    service.watch()
    lost = service.show()
    assert lost.state is VgpuState.FAILED
    assert lost.reason_code in (HardwareChanged.code, HardwareGone.code)
    assert service.service.vgpus.delete(ADMIN, "a").state is VgpuState.DELETED


def test_unplugged_for_good_it_can_be_deleted(service: HardwareService) -> None:
    made = service.create()
    service.unplug(made)
    service.watch()
    assert service.service.vgpus.delete(ADMIN, "a").state is VgpuState.DELETED


def test_after_a_restart_of_the_daemon_it_is_there(service: HardwareService) -> None:
    made = service.create()
    before = service.house.state()
    service.restart()
    assert service.house.state() == before
    after = service.show()
    assert (after.state, after.hardware) == (VgpuState.READY, made.hardware)


def test_after_a_restart_of_the_machine_it_is_made_again(service: HardwareService) -> None:
    made = service.create()
    with_it = service.house.state()
    service.restart_machine()
    service.watch()
    service.settle()
    after = service.show()
    assert (after.state, after.id) == (VgpuState.READY, made.id)
    assert service.house.state() == with_it


def test_what_an_older_state_has_forgotten_is_taken_up(service: HardwareService) -> None:
    made = service.create()
    service.close()
    for path in service.folder.joinpath("state").iterdir():
        path.unlink()
    service.start()
    service.watch()
    found = service.show(made.id)
    assert (found.mode, found.hardware) == (made.mode, made.hardware)
    assert found.state is VgpuState.READY
    assert service.service.vgpus.delete(ADMIN, made.id).state is VgpuState.DELETED
    assert service.core.hardware.adopt() == {}


def test_what_the_state_has_deleted_is_given_back_at_the_start(service: HardwareService) -> None:
    before = service.house.state()
    made = service.create()
    with service.store.change("root") as change:  # as if killed in between, in the worst order
        lifecycle.transition(change, made.id, VgpuState.DELETED)
    service.restart()
    assert service.core.hardware.adopt() == {}
    assert service.house.state() == before


def test_denied_by_the_kernel_nothing_is_made(service: HardwareService) -> None:
    service.house.deny(denied=False)
    before = service.house.state()
    service.house.deny(denied=True)
    if service.house.mode().mode is Mode.PASSTHROUGH:  # nothing is changed before it is attached
        made = service.create()
        with pytest.raises(HardwareNotPermitted):
            service.core.hardware.attachment(made.id)
        service.service.vgpus.delete(ADMIN, "a")
    else:
        with pytest.raises(HardwareNotPermitted):
            service.create()
        with pytest.raises(NoSuchVgpu):
            service.show()
    service.house.deny(denied=False)
    assert service.house.state() == before
    assert service.core.hardware.adopt() == {}


def test_what_only_software_can_is_refused(service: HardwareService) -> None:
    service.create()
    vgpus = service.service.vgpus
    with pytest.raises(NotInThisMode):
        vgpus.suspend(ADMIN, "a", SuspendWanted())
    with pytest.raises(NotInThisMode):
        vgpus.move(ADMIN, "a", MoveWanted(device="0"))
    with pytest.raises(NotResizable):
        vgpus.change(ADMIN, "a", VgpuChange(memory=GIB))
    with pytest.raises(NotInThisMode):
        service.service.leases.begin(ADMIN, "a", LeaseWanted(process_id=os.getpid()))
    for more in ({"compute": 25}, {"wait_ms": 5}, {"movable": True}, {"ephemeral": True}):
        with pytest.raises(NotInThisMode):
            service.create("b", **more)
    labelled = vgpus.change(ADMIN, "a", VgpuChange(labels={"team": "x"}))
    assert (labelled.labels, labelled.settled) == ({"team": "x"}, True)


def test_as_many_as_fit(service: HardwareService) -> None:
    for number in range(service.house.rooms):
        service.create(f"v{number}")
        service.service.finder.look()
    with pytest.raises(AliquotError) as refused:
        service.create("more")
    assert refused.value.code in ("ALQ-E752", "ALQ-E758")
    listed = service.service.vgpus.list(ADMIN).items
    assert len({one.hardware for one in listed}) == service.house.rooms


def test_a_dry_run_tells_the_steps_and_makes_nothing(service: HardwareService) -> None:
    before = service.house.state()
    mode = service.house.mode().mode.value
    wanted = VgpuWanted(name="a", mode=mode, type=service.house.wanted().type)
    plan = service.service.vgpus.plan(ADMIN, wanted)
    assert plan.fits
    assert plan.mode == mode
    assert plan.steps
    assert [words.line("zh", line) for line in plan.steps]
    assert service.house.state() == before
    assert service.service.vgpus.list(ADMIN).items == []


def _made(vgpu: VgpuResource) -> Made:
    return Made(mode=Mode(vgpu.mode), vgpu=vgpu.id, device=GPU, id=vgpu.hardware)


def test_what_cant_be_told_of_one_that_is_gone_is_no_problem(
    service: HardwareService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.create()
    with monkeypatch.context() as patched:
        patched.setattr(service.core.hardware, "verify", _cant_tell)
        service.watch()
        assert any(problem.startswith("hardware of a ") for problem in service.core.problems)
    service.service.vgpus.delete(ADMIN, "a")
    service.watch()
    assert not any(problem.startswith("hardware of a ") for problem in service.core.problems)


def _cant_tell(_: str) -> None:
    raise HardwareNotPermitted("not now")
