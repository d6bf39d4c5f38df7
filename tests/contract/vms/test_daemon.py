"""vGPUs of hardware attached to VMs by the daemon: leases, hooks, races, VMs that come and go.

The hardware is a sysfs with behaviour; the hypervisors are ours on their stand-ins.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aliquot.daemon import vm_hardware, vm_watch
from aliquot.errors import (
    AliquotError,
    DeviceInUse,
    HardwareNotPermitted,
    HypervisorRefused,
    HypervisorUnreachable,
    NoSuchVm,
    NotAttached,
    NotForVms,
    NotPermitted,
    VmHasVgpu,
    VmKeepsDevice,
)
from aliquot.model.api.vms import AttachWanted, VmTold
from aliquot.model.lease import LeaseKind
from aliquot.model.lifecycle import VgpuState
from aliquot.model.vm import Attached, HypervisorKind, Vm, VmState
from aliquot.service.hooks import hook
from tests.contract.daemon.house import ADMIN, ALICE
from tests.contract.modes.houses import AUDIO, GPU, QEMU
from tests.contract.vms.around import Around
from tests.fakes.proxmox import fake_proxmox
from tests.fakes.qmp import fake_qemu

WAIT_SECONDS = 20.0


def test_a_vm_that_runs_has_it_until_it_is_detached(card: Around) -> None:
    card.domain.start()
    done = card.attach()
    assert done.now
    assert done.vgpu.state is VgpuState.LEASED
    assert done.vgpu.vm is not None
    assert (done.vgpu.vm.word, done.vgpu.vm_state) == ("libvirt:build-01", VmState.RUNNING)
    assert card.driver() == card.driver(AUDIO) == "vfio-pci"
    (lease,) = card.leases()
    assert (lease.kind, lease.holder, lease.enforced) == (LeaseKind.VM, "libvirt:build-01", True)
    again = card.vms.detach(ADMIN, "a")
    assert (again.vm, again.state) == (None, VgpuState.READY)
    assert (card.driver(), card.driver(AUDIO)) == ("nouveau", "snd_hda_intel")
    assert card.leases() == []
    with pytest.raises(NotAttached):
        card.vms.detach(ADMIN, "a")


@pytest.mark.alone
def test_attaching_takes_little_time(card: Around) -> None:
    """Beyond the hypervisor's own time: the stand-in takes none."""
    card.domain.start()
    began = time.monotonic()
    assert card.attach().now
    assert time.monotonic() - began < 3.0


def test_of_two_at_once_one_wins_and_the_other_says_who_has_it(card: Around) -> None:
    card.domain.start()
    card.other.start()
    done: list[str] = []
    refused: list[AliquotError] = []

    def attach(vm: str) -> None:
        try:
            card.attach(vm)
            done.append(vm)
        except AliquotError as error:
            refused.append(error)

    threads = [threading.Thread(target=attach, args=(f"build-0{n}",)) for n in (1, 2, 1, 2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(WAIT_SECONDS)
    assert len(done) == 1
    assert {type(error) for error in refused} == {VmHasVgpu}
    assert all(done[0] in error.what for error in refused)
    assert len(card.leases()) == 1


def test_only_administrators_attach(card: Around) -> None:
    for asked in (
        lambda: card.vms.attach(ALICE, "a", AttachWanted(vm="build-01")),
        lambda: card.vms.detach(ALICE, "a"),
        lambda: card.vms.started(ALICE, _told()),
        lambda: card.vms.stopped(ALICE, _told()),
    ):
        with pytest.raises(NotPermitted):
            asked()


def test_a_vgpu_of_software_is_no_device_of_a_vm(card: Around) -> None:
    from aliquot.daemon.vm_bindings import Bindings

    kept = Bindings(card.house.core).get(card.house.show().id)
    import msgspec

    soft = msgspec.structs.replace(kept, spec=msgspec.structs.replace(kept.spec, mode="remoting"))
    with pytest.raises(NotForVms, match="gives a VM no device") as caught:
        Bindings(card.house.core).must_be_device(soft)
    assert "Windows" in NotForVms.why
    assert "passthrough" in caught.value.remedy


def test_what_the_hypervisor_refuses_leaves_nothing(card: Around) -> None:
    card.domain.start()
    card.libvirtd.refused.add("0x1")
    with pytest.raises(HypervisorRefused):
        card.attach(lasting=True)
    shown = card.house.show()
    assert (shown.vm, shown.state, card.driver()) == (None, VgpuState.READY, "nouveau")
    with pytest.raises(NoSuchVm):
        card.attach("nobody")
    assert card.house.show().vm is None


def test_it_follows_its_vm(card: Around) -> None:
    card.domain.start()
    card.attach()
    card.domain.state = VmState.PAUSED
    card.vms.follow()
    assert card.house.show().vm_state is VmState.PAUSED
    assert len(card.leases()) == 1  # one that is paused keeps its memory, and so its vGPU
    card.domain.stop()
    card.vms.follow()
    shown = card.house.show()
    assert (shown.vm, shown.state, card.driver()) == (None, VgpuState.READY, "nouveau")
    (lease,) = card.leases(ended=True)
    assert "gave it back" in lease.ending


def test_a_lasting_one_waits_for_its_vms_next_start(card: Around) -> None:
    done = card.attach()  # it is off
    assert not done.now
    assert done.vgpu.state is VgpuState.READY
    assert done.vgpu.vm is not None
    assert done.vgpu.vm.lasts
    card.domain.start()
    card.vms.follow()
    assert card.house.show().state is VgpuState.LEASED
    card.domain.stop()
    card.vms.follow()
    shown = card.house.show()
    assert shown.vm is not None
    assert (shown.state, card.leases()) == (VgpuState.READY, [])
    assert card.driver() == "vfio-pci"  # no hook tells of a start, so it stays ready
    with pytest.raises(VmHasVgpu):
        card.attach("build-02")
    del card.libvirtd.listed[card.domain.uuid]
    card.vms.follow()
    assert card.house.show().vm is None
    assert card.driver() == "nouveau"


def _told(kind: HypervisorKind = HypervisorKind.LIBVIRT, vm: str = "build-01") -> VmTold:
    return VmTold(hypervisor=kind, vm=vm)


def test_hooks_ready_it_for_a_start_and_give_it_back_after(card: Around) -> None:
    card.attach()
    for _ in range(2):
        assert card.vms.stopped(ADMIN, _told()).vgpus == ["a"]
        assert card.driver() == "nouveau"
    card.vms.follow()
    assert card.driver() == "nouveau"  # a hook will tell
    for _ in range(2):
        assert card.vms.started(ADMIN, _told()).vgpus == ["a"]
        assert card.driver() == "vfio-pci"
    card.domain.start()
    card.vms.follow()
    assert len(card.leases()) == 1
    card.domain.stop()
    card.vms.stopped(ADMIN, _told())
    assert (card.leases(), card.driver()) == ([], "nouveau")
    assert card.vms.started(ADMIN, _told(vm="another")).vgpus == []
    assert card.vms.started(ADMIN, _told(HypervisorKind.PROXMOX)).vgpus == []


@pytest.mark.parametrize("kind", ["card", "mdev"])
def test_a_hook_readies_what_a_restart_of_the_machine_forgot(
    kind: str, request: pytest.FixtureRequest
) -> None:
    """Before anybody has looked at the hardware: libvirt starts VMs as the machine starts."""
    around: Around = request.getfixturevalue(kind)
    around.attach()
    around.house.restart_machine()
    around.connect()
    assert around.vms.started(ADMIN, _told()).vgpus == ["a"]
    vgpu = around.house.show().id
    assert around.house.core.hardware.verify(vgpu) is None
    assert around.house.core.hardware.adopt()[vgpu].attached


def test_a_hook_waits_for_no_look_at_its_vm(card: Around) -> None:
    """libvirt answers nothing about a VM that it starts before the hook has ended."""
    card.attach()
    card.vms.stopped(ADMIN, _told())
    asked, hook_ended = threading.Event(), threading.Event()
    state = card.libvirtd.state

    def answers_later(uuid: str) -> VmState:
        asked.set()
        assert hook_ended.wait(WAIT_SECONDS)
        return state(uuid)

    card.libvirtd.state = answers_later
    look = threading.Thread(target=card.vms.follow)
    look.start()
    assert asked.wait(WAIT_SECONDS)
    hooks = threading.Thread(target=card.vms.started, args=(ADMIN, _told()))
    hooks.start()
    hooks.join(WAIT_SECONDS / 4)
    in_time = not hooks.is_alive()
    hook_ended.set()
    for one in (hooks, look):
        one.join(WAIT_SECONDS)
    assert in_time
    assert card.driver() == "vfio-pci"


def test_what_was_seen_before_others_had_it_decides_nothing(card: Around) -> None:
    """Say as it was just being attached: the VM has it by now."""
    card.attach()
    vgpu = card.house.show().id
    hypervisor = card.house.core.hypervisors.of(HypervisorKind.LIBVIRT)
    attached = hypervisor.attached

    def too_early(_: Vm) -> Attached:
        hypervisor.attached = attached
        with card.house.core.alone(vgpu):
            return Attached()

    hypervisor.attached = too_early  # type: ignore[method-assign]
    card.vms.follow()
    shown = card.house.show()
    assert shown.vm is not None
    assert card.driver() == "vfio-pci"


def test_a_restarted_daemon_goes_on(card: Around) -> None:
    card.domain.start()
    card.attach(lasting=True)
    card.house.restart()
    card.connect()
    card.vms.follow()
    assert len(card.leases()) == 1
    assert card.house.show().state is VgpuState.LEASED
    card.house.close()
    card.domain.stop()  # while no daemon runs
    card.house.start()
    card.connect()
    card.vms.follow()
    assert (card.leases(), card.house.show().state) == ([], VgpuState.READY)


def test_a_daemon_that_died_in_the_midst_is_put_right(card: Around) -> None:
    card.domain.start()

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    hypervisor = card.house.core.hypervisors.of(HypervisorKind.LIBVIRT)
    attach, hypervisor.attach = hypervisor.attach, dies  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        card.attach()
    hypervisor.attach = attach
    assert card.house.show().vm is not None
    card.house.restart()
    card.connect()
    card.vms.follow()
    shown = card.house.show()
    assert (shown.vm, card.driver()) == (None, "nouveau")
    assert card.attach().now


def test_a_hypervisor_that_cant_be_asked_proves_nothing(card: Around) -> None:
    card.domain.start()
    card.attach()
    card.libvirtd.said = "<no"
    with pytest.raises(AliquotError):
        card.vms.follow()
    assert len(card.leases()) == 1
    assert card.house.show().vm is not None


def test_a_vm_whose_process_still_ends_is_waited_for(
    card: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vm_hardware, "LET_GO_SECONDS", 0.2)
    card.domain.start()
    card.attach()
    machine = card.house.house.machine
    attachment = card.house.core.hardware.attachment(card.house.show().id)
    machine.opens(QEMU, "qemu-system-x86", attachment.files[-1])
    card.domain.stop()
    with pytest.raises(DeviceInUse):
        card.vms.follow()
    assert card.house.show().vm is not None
    machine.ends(QEMU)
    card.vms.follow()
    assert card.house.show().vm is None


def test_a_card_that_cant_be_given_back_is_told_of_and_tried_again(card: Around) -> None:
    """Its VM has it no more, and the machine not yet: it isn't said to be free."""
    card.domain.start()
    card.attach()
    card.house.house.deny(denied=True)
    with pytest.raises(HardwareNotPermitted):
        card.vms.detach(ADMIN, "a")
    with pytest.raises(HardwareNotPermitted):
        card.vms.follow()
    assert card.house.show().vm is not None
    card.house.house.deny(denied=False)
    card.vms.follow()
    assert card.house.show().vm is None
    assert (card.driver(), card.driver(AUDIO)) == ("nouveau", "snd_hda_intel")


def test_one_that_cant_be_taken_back_keeps_no_other(
    mdev: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vm_hardware, "LET_GO_SECONDS", 0.2)
    mdev.house.create("b")
    mdev.attach()
    mdev.vms.attach(ADMIN, "b", AttachWanted(vm="libvirt:build-01"))
    ids = [mdev.house.show(name).id for name in ("a", "b")]
    used = mdev.house.core.hardware.attachment(ids[0])
    machine = mdev.house.house.machine
    machine.opens(QEMU, "qemu-system-x86", used.files[-1])
    with pytest.raises(DeviceInUse):
        mdev.vms.stopped(ADMIN, _told())
    made = mdev.house.core.hardware.adopt()
    assert [made[vgpu].attached for vgpu in ids] == [True, False]
    machine.ends(QEMU)
    assert mdev.vms.stopped(ADMIN, _told()).vgpus == ["a", "b"]


def test_deleting_takes_it_from_its_vm_first(card: Around) -> None:
    card.domain.start()
    card.attach(lasting=True)
    card.domain.keeps = True
    with pytest.raises(VmKeepsDevice):
        card.house.service.vgpus.delete(ADMIN, "a")
    shown = card.house.show()
    assert shown.reason_code == VmKeepsDevice.code
    card.domain.keeps = False
    card.house.settle()
    vgpu = shown.id
    assert card.house.service.vgpus.show(ADMIN, vgpu).state is VgpuState.DELETED
    assert card.driver() == "nouveau"
    assert "ua-aliquot" not in card.libvirtd.defined[-1]


def test_its_lease_isnt_ended_beside_it(card: Around) -> None:
    card.domain.start()
    card.attach()
    (lease,) = card.leases()
    with pytest.raises(VmHasVgpu, match="build-01"):
        card.house.service.leases.end(ADMIN, lease.id)


def test_a_vm_that_is_started_by_hand_gets_arguments(card: Around) -> None:
    done = card.attach(None)
    assert done.arguments[0] == "-device"
    assert done.arguments[1].startswith(f"vfio-pci,id=aliquot-{done.vgpu.id}-0,host={GPU}")
    assert card.attach(None).arguments == done.arguments
    with pytest.raises(VmHasVgpu, match="by hand"):
        card.attach()
    card.vms.follow()
    assert len(card.leases()) == 1
    card.vms.detach(ADMIN, "a")
    assert (card.leases(), card.driver()) == ([], "nouveau")


def test_a_qemu_is_watched_by_its_monitor(card: Around, tmp_path: Path) -> None:
    with fake_qemu(tmp_path / "qmp", hosts=(GPU, AUDIO)) as vm:
        thread = card.vms.thread()
        thread.start()
        try:
            _await(lambda: card.vms._watchers._running)
            assert card.attach(f"qemu:{vm.path}").now
            vm.pause()
            _await(lambda: card.house.show().vm_state is VmState.PAUSED)
            vm.end()
            _await(lambda: card.house.show().vm is None)
            assert (card.leases(), card.driver()) == ([], "nouveau")
        finally:
            card.house.core.stop.set()
            card.vms.stop()
            thread.join(WAIT_SECONDS)
    assert not thread.is_alive()


def test_who_looks_for_vms_outlives_a_fault(card: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm_watch, "LOOK_SECONDS", 0.05)
    card.attach()

    def no_thread(_: object) -> None:
        raise RuntimeError("can't start new thread")

    watchers = card.vms._watchers
    with monkeypatch.context() as patched:
        patched.setattr(watchers, "_start_if_none", no_thread)
        thread = card.vms.thread()
        thread.start()
        _await(lambda: "vms" in card.house.core.problems)
    _await(lambda: bool(watchers._threads) and "vms" not in card.house.core.problems)
    card.house.core.stop.set()
    card.vms.stop()
    thread.join(WAIT_SECONDS)
    assert not thread.is_alive()


def test_an_mdev_makes_way_for_proxmox_and_comes_back(mdev: Around, tmp_path: Path) -> None:
    with fake_proxmox(tmp_path) as fake:
        mdev.proxmox = fake
        mdev.connect()
        parent = mdev.house.house.machine.mdev.parents[GPU]
        fake.lists(GPU, "0x10de", "0x2235", 15)
        assert not mdev.attach("proxmox:100").now
        assert "mdev=nvidia-558" in fake.guests[100].config["hostpci0"]
        assert len(parent.made) == 1
        told = _told(HypervisorKind.PROXMOX, "100")
        for _ in range(2):
            mdev.vms.started(ADMIN, told)
            assert len(parent.made) == 0  # Proxmox VE makes its own
        mdev.vms.follow()
        mdev.house.watch()
        mdev.house.settle()
        assert len(parent.made) == 0
        fake.start(100)
        mdev.vms.follow()
        assert mdev.house.show().state is VgpuState.LEASED
        fake.stop(100)
        for _ in range(2):
            mdev.vms.stopped(ADMIN, told)
            assert len(parent.made) == 1
        assert mdev.house.show().state is VgpuState.READY
        mdev.vms.detach(ADMIN, "a")
        assert fake.mappings == {}


def test_a_vm_of_proxmox_that_is_gone_leaves_no_mapping(mdev: Around, tmp_path: Path) -> None:
    with fake_proxmox(tmp_path) as fake:
        mdev.proxmox = fake
        mdev.connect()
        fake.lists(GPU, "0x10de", "0x2235", 15)
        for ends in (
            lambda: fake.guests[100].config.pop("hostpci0"),  # taken out by somebody else
            lambda: fake.guests.pop(100),
        ):
            mdev.attach("proxmox:100")
            assert len(fake.mappings) == 1
            ends()
            mdev.vms.follow()
            assert mdev.house.show().vm is None
            assert fake.mappings == {}


def test_proxmox_writes_it_down_also_for_a_vm_that_runs(mdev: Around, tmp_path: Path) -> None:
    with fake_proxmox(tmp_path) as fake:
        mdev.proxmox = fake
        mdev.connect()
        fake.lists(GPU, "0x10de", "0x2235", 15)
        fake.start(100)
        done = mdev.attach("build-01")  # Proxmox VE is asked before libvirt, which knows one, too
        assert not done.now
        assert done.vgpu.vm is not None
        assert (done.vgpu.vm.word, done.vgpu.vm.lasts) == ("proxmox:100", True)
        mdev.vms.follow()
        shown = mdev.house.show()
        assert (shown.state, shown.vm_state) == (VgpuState.READY, VmState.RUNNING)
        mdev.vms.detach(ADMIN, "a")
        assert fake.mappings == {}


def test_an_unreachable_proxmox_is_told_of(mdev: Around, tmp_path: Path) -> None:
    with fake_proxmox(tmp_path) as fake:
        mdev.proxmox = fake
        mdev.connect()
    with pytest.raises(HypervisorUnreachable):
        mdev.attach("100")


def _await(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


_XML = "<domain><devices><hostdev><alias name='ua-aliquot-{}-0'/></hostdev></devices></domain>"


@pytest.mark.parametrize("name", ["build-01", "--help", "a; touch pwned", "$(touch pwned)", "a b"])
def test_the_libvirt_hook_passes_names_as_they_are(tmp_path: Path, name: str) -> None:
    told = tmp_path / "told"
    program = tmp_path / "ali quot"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > '{told}'\n")
    program.chmod(0o755)
    script = tmp_path / "hook"
    script.write_text(hook("libvirt", command=[str(program)]))

    def run(*words: str, xml: str = _XML.format("0" * 32)) -> None:
        subprocess.run(
            ["/bin/sh", str(script), *words], input=xml.encode(), check=True, cwd=tmp_path
        )

    run(name, "prepare", "begin", "-")
    assert told.read_text().splitlines() == ["vm", "started", "--hypervisor", "libvirt", "--", name]
    run(name, "release", "end", "-")
    assert told.read_text().splitlines()[1] == "stopped"
    told.unlink()
    run(name, "started", "begin", "-")
    run(name, "prepare", "begin", "-", xml="<domain/>")
    assert not told.exists()
    assert not (tmp_path / "pwned").exists()
