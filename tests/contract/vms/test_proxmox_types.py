"""NVIDIA's virtual functions on Proxmox VE, which takes their type away when a VM stops.

Between two starts the vGPU has its type again, in whatever order things happen: else its place on
the card would be anybody's, and the function nobody's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot.errors import HardwareChanged, HardwareError
from aliquot.model.api.vms import AttachWanted, VmTold
from aliquot.model.hardware import Attachment
from aliquot.model.lifecycle import VgpuState
from aliquot.model.vm import HypervisorKind, VmState
from tests.contract.daemon.house import ADMIN
from tests.contract.vms.around import Around
from tests.fakes.kernel.pci import Function, Pci
from tests.fakes.proxmox import FakeProxmox, StartFailed, fake_proxmox

SMALL, LARGE, NONE = "1103", "1105", "0"  # a quarter of the card, and half of it
VM = 100
TOLD = VmTold(hypervisor=HypervisorKind.PROXMOX, vm=str(VM))


@pytest.fixture
def fake(vf: Around, tmp_path: Path) -> Iterator[FakeProxmox]:
    """Proxmox VE on the machine of the virtual functions, and vGPU `a` in its VM, which is off."""
    with fake_proxmox(tmp_path) as made:
        made.pci = vf.house.house.machine.pci
        vf.proxmox = made
        attach(vf, made)
        yield made


def attach(vf: Around, fake: FakeProxmox) -> None:
    for address, function in functions(vf).items():
        assert function.group is not None
        fake.lists(address, "0x10de", "0x2336", function.group)
    vf.connect()
    assert not vf.attach(f"proxmox:{VM}").now


def functions(vf: Around) -> dict[str, Function]:
    """The virtual functions."""
    pci: Pci = vf.house.house.machine.pci
    return {a: one for a, one in pci.functions.items() if one.physical is not None}


def kind(vf: Around, vgpu: str = "a") -> str:
    """The type that the function of a vGPU has."""
    return vf.house.house.machine.pci.functions[vf.house.show(vgpu).hardware].vgpu_type


def look(vf: Around) -> None:
    """All threads have had their turn, one of them twice."""
    vf.house.watch()
    vf.house.settle()
    vf.vms.follow()
    vf.house.watch()
    vf.house.settle()


def at_rest(vf: Around, wanted: str = LARGE) -> None:
    shown = vf.house.show()
    assert (shown.state, shown.reason, kind(vf)) == (VgpuState.READY, "", wanted)
    assert vf.leases() == []


def test_with_hooks_its_type_is_there_again_at_once(vf: Around, fake: FakeProxmox) -> None:
    function = vf.house.show().hardware
    for _ in range(2):
        for _ in range(2):
            assert vf.vms.started(ADMIN, TOLD).vgpus == ["a"]
            assert kind(vf) == LARGE
        fake.start(VM)
        look(vf)
        assert (kind(vf), vf.house.show().state) == (LARGE, VgpuState.LEASED)
        fake.stop(VM)
        assert kind(vf) == NONE
        for _ in range(2):
            vf.vms.stopped(ADMIN, TOLD)
            at_rest(vf)
        look(vf)
        at_rest(vf)
    assert vf.house.show().hardware == function
    assert fake.guests[VM].used == {}


def test_without_hooks_it_is_there_again_at_the_next_look(vf: Around, fake: FakeProxmox) -> None:
    for _ in range(2):
        fake.start(VM)
        look(vf)
        assert len(vf.leases()) == 1
        fake.stop(VM)
        vf.vms.follow()
        at_rest(vf)


def test_a_look_between_the_stop_and_the_hook(vf: Around, fake: FakeProxmox) -> None:
    """Who watches hardware sees that the type is gone while the vGPU is leased still."""
    fake.start(VM)
    vf.vms.follow()
    fake.stop(VM)
    vf.house.watch()
    shown = vf.house.show()
    assert (shown.state, shown.reason_code) == (VgpuState.FAILED, HardwareChanged.code)
    vf.vms.stopped(ADMIN, TOLD)
    look(vf)
    at_rest(vf)


def test_a_type_that_is_taken_away_later_than_the_vm_is_off(vf: Around, fake: FakeProxmox) -> None:
    fake.start(VM)
    vf.vms.follow()
    fake.stop(VM, cleans=False)
    vf.vms.follow()
    at_rest(vf)
    fake.clean(VM)
    assert kind(vf) == NONE
    look(vf)
    at_rest(vf)


def test_a_daemon_that_was_not_there_at_the_stop(vf: Around, fake: FakeProxmox) -> None:
    vf.vms.started(ADMIN, TOLD)
    fake.start(VM)
    vf.vms.follow()
    vf.house.close()
    fake.stop(VM)
    vf.house.start()
    vf.connect()
    vf.vms.started(ADMIN, TOLD)  # the next start, before anything was looked at
    assert kind(vf) == LARGE
    fake.start(VM)
    look(vf)
    assert vf.house.show().state is VgpuState.LEASED


@pytest.mark.parametrize("hooks", [True, False], ids=["hooks", "none"])
def test_after_a_stop_a_vgpu_of_another_type_takes_its_place(
    vf: Around, fake: FakeProxmox, hooks: bool
) -> None:
    fake.start(VM)
    vf.vms.follow()
    fake.stop(VM)
    if hooks:
        vf.vms.stopped(ADMIN, TOLD)
    vf.vms.detach(ADMIN, "a")
    at_rest(vf)  # it is free, and is there
    assert (fake.mappings, "hostpci0" in fake.guests[VM].config) == ({}, False)
    vf.house.service.vgpus.delete(ADMIN, "a")
    vf.house.create(type="NVIDIA L40-12Q")
    attach(vf, fake)
    assert f"mdev=nvidia-{SMALL}" in fake.guests[VM].config["hostpci0"]
    for _ in range(2):
        fake.start(VM)
        look(vf)
        assert (kind(vf), len(vf.leases())) == (SMALL, 1)
        fake.stop(VM)
        if hooks:
            vf.vms.stopped(ADMIN, TOLD)
        look(vf)
        at_rest(vf, SMALL)


def test_a_type_that_somebody_wrote_into_the_vms_configuration(
    vf: Around, fake: FakeProxmox
) -> None:
    """It is told of, left alone while the VM runs, and gone with its stop."""
    config = fake.guests[VM].config
    config["hostpci0"] = config["hostpci0"].replace(LARGE, SMALL)
    vf.vms.started(ADMIN, TOLD)
    fake.start(VM)
    vf.vms.follow()
    look(vf)
    shown = vf.house.show()
    assert (kind(vf), shown.state, shown.reason_code) == (
        SMALL,
        VgpuState.FAILED,
        HardwareChanged.code,
    )
    assert len(vf.leases()) == 1
    fake.stop(VM)
    vf.vms.stopped(ADMIN, TOLD)
    look(vf)
    at_rest(vf)


def test_a_stop_that_comes_while_a_start_is_under_way(
    vf: Around, fake: FakeProxmox, monkeypatch: pytest.MonkeyPatch
) -> None:
    hardware = vf.house.core.hardware
    attachment = hardware.attachment
    begun, go_on = threading.Event(), threading.Event()

    def slow(vgpu: str) -> Attachment:
        begun.set()
        assert go_on.wait(60)
        return attachment(vgpu)

    monkeypatch.setattr(hardware, "attachment", slow)
    starts = threading.Thread(target=lambda: vf.vms.started(ADMIN, TOLD))
    starts.start()
    assert begun.wait(60)
    fake.start(VM)  # somebody started it again, without a hook
    fake.stop(VM)
    stops = threading.Thread(target=lambda: vf.vms.stopped(ADMIN, TOLD))
    stops.start()
    go_on.set()
    for one in (starts, stops):
        one.join(60)
        assert not one.is_alive()
    look(vf)
    at_rest(vf)
    assert vf.house.show().vm_state is VmState.OFF


def test_a_stop_told_late_ends_no_start(vf: Around, fake: FakeProxmox) -> None:
    """Proxmox VE tells of one stop twice, and a start may come in between."""
    vf.vms.started(ADMIN, TOLD)
    fake.start(VM)
    vf.vms.stopped(ADMIN, TOLD)
    assert kind(vf) == LARGE
    look(vf)
    assert (vf.house.show().state, kind(vf)) == (VgpuState.LEASED, LARGE)
    fake.stop(VM)
    vf.vms.follow()  # of that stop no hook tells any more
    look(vf)
    at_rest(vf)


def test_a_start_that_fails_leaves_the_type(vf: Around, fake: FakeProxmox) -> None:
    """Proxmox VE cleans up what it had readied, and tells no hook of it."""
    config = fake.guests[VM].config
    right = config["hostpci0"]
    config["hostpci0"] = right.replace(LARGE, "9999")
    vf.vms.started(ADMIN, TOLD)
    with pytest.raises(StartFailed):
        fake.start(VM)
    assert kind(vf) == NONE
    look(vf)
    at_rest(vf)
    config["hostpci0"] = right
    vf.vms.started(ADMIN, TOLD)
    fake.start(VM)
    look(vf)
    assert vf.house.show().state is VgpuState.LEASED


@pytest.mark.parametrize("hooks", [True, False], ids=["hooks", "none"])
def test_a_vm_that_is_destroyed_while_it_is_off(vf: Around, fake: FakeProxmox, hooks: bool) -> None:
    fake.start(VM)
    vf.vms.follow()
    fake.stop(VM)
    if hooks:
        vf.vms.stopped(ADMIN, TOLD)
    del fake.guests[VM]
    look(vf)
    at_rest(vf)
    assert vf.house.show().vm is None
    assert fake.mappings == {}  # which would name a function that another VM gets
    vf.house.service.vgpus.delete(ADMIN, "a")
    assert functions(vf) == {}  # they went with the last vGPU


def test_it_stays_on_its_function(vf: Around, fake: FakeProxmox) -> None:
    """The VM's configuration names it; another one that became free meanwhile is no better."""
    first = vf.house.show().hardware
    vf.vms.detach(ADMIN, "a")
    vf.house.create("b")
    second = vf.house.show("b").hardware
    assert first != second
    vf.house.service.vgpus.delete(ADMIN, "a")
    vf.house.service.vms.attach(ADMIN, "b", AttachWanted(vm=f"proxmox:{VM}"))
    for hooks in (True, False):
        fake.start(VM)
        vf.vms.follow()
        fake.stop(VM)
        if hooks:
            vf.vms.stopped(ADMIN, TOLD)
        vf.vms.follow()
        assert (vf.house.show("b").hardware, kind(vf, "b")) == (second, LARGE)
    assert vf.house.house.machine.pci.functions[first].vgpu_type == NONE


def test_where_others_took_its_room_it_has_failed_until_they_are_gone(
    vf: Around, fake: FakeProxmox
) -> None:
    pci = vf.house.house.machine.pci
    fake.start(VM)
    vf.vms.follow()
    fake.stop(VM)
    free = [pci.functions[a] for a in functions(vf) if a != vf.house.show().hardware]
    for one in free[:2]:
        pci.set_type(one, LARGE)  # all of the card's memory
    with pytest.raises(HardwareError):
        vf.vms.stopped(ADMIN, TOLD)
    assert vf.leases() == []  # it has stopped in any case
    vf.house.watch()
    shown = vf.house.show()
    assert (shown.state, shown.reason_code) == (VgpuState.FAILED, HardwareChanged.code)
    pci.set_type(free[0], NONE)
    look(vf)
    at_rest(vf)


def test_a_function_that_is_used_keeps_what_it_has(vf: Around, fake: FakeProxmox) -> None:
    machine = vf.house.house.machine
    kept = vf.house.show()
    file = vf.house.core.hardware.attachment(kept.id).files[-1]
    machine.pci.functions[kept.hardware].vgpu_type = NONE
    machine.opens(7, "qemu-system-x86", file)
    with pytest.raises(HardwareError):
        vf.house.core.hardware.restore(kept.id)
    assert kind(vf) == NONE
    machine.ends(7)
    vf.house.core.hardware.restore(kept.id)
    assert kind(vf) == LARGE
