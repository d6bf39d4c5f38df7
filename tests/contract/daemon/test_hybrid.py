"""Software vGPUs on a partition that a vGPU of hardware is: made, reckoned, lost, in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from aliquot.daemon import carriers
from aliquot.daemon.caller import Caller
from aliquot.errors import (
    BadCarrier,
    BadSpec,
    DeviceInUse,
    DeviceLost,
    DeviceNotOffered,
    MemoryUnavailable,
    NoDeviceFits,
    NoRoomForPartition,
    NoSuchVgpu,
    NotInThisMode,
    NotPermitted,
)
from aliquot.model.access_token import Role
from aliquot.model.api.vgpus import LeaseWanted, MoveWanted, VgpuWanted
from aliquot.model.api.vms import AttachWanted
from aliquot.model.lifecycle import VgpuState
from aliquot.store import check, events
from tests.contract.daemon.hardware_house import HardwareService
from tests.contract.daemon.house import ADMIN, ALICE, GIB, ONE
from tests.contract.modes.houses import MdevHouse, MigHouse, SriovHouse
from tests.fakes.device_hosts import device
from tests.fakes.kernel.machine import Machine
from tests.fakes.nvml_mig import MigNvml

ONE_SLICE, WHOLE_GPU = 19, 0  # ids of an A100's profiles


@pytest.fixture
def service(tmp_path: Path, machine: Machine, sysfs: str) -> Iterator[HardwareService]:
    """A GPU with MIG, whose instances the driver offers to who names them."""
    made = HardwareService(tmp_path, MigHouse(tmp_path, sysfs, machine))
    yield made
    made.close()


def on(name: str, carrier: str = "a", memory: int = 4 * GIB) -> VgpuWanted:
    return VgpuWanted(name=name, on=carrier, memory=memory)


def test_software_on_a_mig_instance(service: HardwareService) -> None:
    vgpus = service.service.vgpus
    carrier = service.create()
    made = vgpus.create(ADMIN, on("soft"))
    assert (made.mode, made.on, made.state) == ("remoting", carrier.id, VgpuState.READY)
    assert service.told == [
        {"CUDA_VISIBLE_DEVICES": carrier.hardware, "NVIDIA_VISIBLE_DEVICES": carrier.hardware}
    ]
    host = service.machine.by_uuid[str(made.device)]
    assert dict(host.device.variables)["CUDA_VISIBLE_DEVICES"] == carrier.hardware
    [partition] = [d for d in service.service.devices.list(ADMIN).items if d.uuid == made.device]
    assert (partition.memory, partition.reserved_memory) == (39 * GIB, 4 * GIB)
    assert partition.facts["carrier"] == carrier.id
    with pytest.raises(MemoryUnavailable):
        vgpus.create(ADMIN, on("large", memory=36 * GIB))
    service.watch()
    assert service.show("soft").state is VgpuState.READY


def test_a_carrier_stays_as_long_as_it_carries(service: HardwareService) -> None:
    vgpus = service.service.vgpus
    service.create()
    vgpus.create(ADMIN, on("soft"))
    with pytest.raises(DeviceInUse, match="soft"):
        vgpus.delete(ADMIN, "a")
    assert service.show("a").state is VgpuState.READY
    vgpus.delete(ADMIN, "soft")
    assert vgpus.delete(ADMIN, "a").state is VgpuState.DELETED
    assert [d.facts.get("carrier") for d in service.service.devices.list(ADMIN).items] == [None]


def test_others_do_not_come_to_a_partition_by_chance(service: HardwareService) -> None:
    vgpus = service.service.vgpus
    service.create()
    vgpus.create(ADMIN, on("soft"))
    with pytest.raises(DeviceNotOffered):
        vgpus.create(ADMIN, VgpuWanted(name="b", memory=GIB))
    plan = vgpus.plan(ADMIN, VgpuWanted(name="b", memory=GIB))
    assert "partition of a vGPU" in plan.candidates[-1].why
    with pytest.raises(NoSuchVgpu):
        vgpus.create(ALICE, on("theirs"))


def test_others_do_not_come_to_a_partition_by_naming_its_device(service: HardwareService) -> None:
    """Everybody is told of all devices; only who may have the vGPU comes to what it is made of."""
    vgpus = service.service.vgpus
    service.create()
    partition = vgpus.create(ADMIN, on("soft")).device
    theirs = VgpuWanted(name="theirs", memory=GIB, device=partition)
    with pytest.raises(NoDeviceFits, match="partition of a vGPU"):
        vgpus.create(ALICE, theirs)
    assert not vgpus.plan(ALICE, theirs).fits
    assert vgpus.list(ALICE).items == []


def test_what_can_not_carry(service: HardwareService) -> None:
    vgpus = service.service.vgpus
    service.create()
    vgpus.create(ADMIN, on("soft"))
    with pytest.raises(BadCarrier):
        vgpus.create(ADMIN, on("c", carrier="soft"))
    for more in ({"device": "0"}, {"movable": True}):
        with pytest.raises(BadSpec):
            vgpus.create(ADMIN, VgpuWanted(name="c", on="a", memory=GIB, **more))  # type: ignore[arg-type]
    with pytest.raises(NotInThisMode):
        vgpus.create(ADMIN, VgpuWanted(name="c", on="a", mode="mig", type="1g.10gb"))
    with pytest.raises(NotInThisMode):
        vgpus.move(ADMIN, "soft", MoveWanted(device="0"))


def test_an_mdev_carries_nothing(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    service = HardwareService(tmp_path, MdevHouse(tmp_path, sysfs, machine))
    try:
        service.create()
        with pytest.raises(BadCarrier, match="mdev"):
            service.service.vgpus.create(ADMIN, on("soft"))
    finally:
        service.close()


def test_software_on_a_virtual_function(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    """One that has its vendor's driver is a card to OpenCL."""
    service = HardwareService(tmp_path, SriovHouse(tmp_path, sysfs, machine))
    try:
        carrier = service.create()
        with pytest.raises(BadCarrier):
            service.service.vgpus.create(ADMIN, on("soft"))
        offered = device(ONE)._replace(pci_address=carrier.hardware)
        service.machine.add(offered)
        service.watch()
        for more in ({}, {"device": ONE}):  # it is a card to OpenCL, and a vGPU's all the same
            theirs = VgpuWanted(name="theirs", memory=GIB, **more)  # type: ignore[arg-type]
            with pytest.raises((NoDeviceFits, DeviceNotOffered)):
                service.service.vgpus.create(ALICE, theirs)
        made = service.service.vgpus.create(ADMIN, on("soft"))
        assert (made.device, made.on) == (ONE, carrier.id)
        with pytest.raises(DeviceInUse):
            service.service.vgpus.delete(ADMIN, "a")
        vms = service.service.vms
        with pytest.raises(DeviceInUse, match="soft"):
            vms.attach(ADMIN, "a", AttachWanted(vm=None))
        assert service.show("a").vm is None
        service.service.vgpus.delete(ADMIN, "soft")
        vms.attach(ADMIN, "a", AttachWanted(vm=None))
        with pytest.raises(BadCarrier, match="attached"):
            service.service.vgpus.create(ADMIN, on("later"))
    finally:
        service.close()


def test_with_its_carrier_it_is_lost(service: HardwareService) -> None:
    made = service.create()
    soft = service.service.vgpus.create(ADMIN, on("soft"))
    service.unplug(made)
    service.watch()
    lost = service.show("soft")
    assert (lost.state, lost.reason_code) == (VgpuState.FAILED, DeviceLost.code)
    # The same instance again, as after a fault that passed.
    assert isinstance(service.house, MigHouse)
    library = service.house.library
    library.save({**library.load(), "gone": False})
    service.watch()
    service.settle()
    service.watch()
    service.settle()
    assert service.show("a").state is VgpuState.READY
    assert service.show("soft").state is VgpuState.READY
    assert service.show("soft").device == soft.device


def test_the_next_daemon_knows_what_a_partition_is(service: HardwareService) -> None:
    service.create()
    soft = service.service.vgpus.create(ADMIN, on("soft"))
    service.restart()
    service.watch()
    service.settle()
    assert service.show("soft").state is VgpuState.READY
    offer = service.core.hosts.offer(str(soft.device))
    assert offer is not None
    assert offer.variables
    with service.store.look() as view:
        assert list(check.problems(view)) == []


def test_for_who_may_only_look_no_driver_is_asked(service: HardwareService) -> None:
    """A dry run makes no vGPU, but what the partition is to programs is found out and kept."""
    service.create()
    looks = Caller(tenant=ADMIN.tenant, role=Role.VIEWER)
    with pytest.raises(NotPermitted):
        service.service.vgpus.plan(looks, on("soft"))
    assert service.told == []
    assert [d.facts.get("carrier") for d in service.service.devices.list(ADMIN).items] == [None]
    assert service.service.vgpus.plan(ADMIN, on("soft")).fits


def _library(service: HardwareService) -> MigNvml:
    assert isinstance(service.house, MigHouse)
    return service.house.library


def _others(service: HardwareService, profile: int) -> None:
    """Somebody else makes an instance before ours is made again: that one's number is taken."""
    state = _library(service).load()
    other = {"profile": profile, "start": 0, "compute": [], "uuid": "MIG-another"}
    _library(service).save({**state, "instances": {"1": other}})


def _told(service: HardwareService, *subjects: str) -> list[str]:
    with service.store.look() as view:
        return [event.kind for event in events.since(view, 0) if event.subject in subjects]


def _look(service: HardwareService) -> None:
    """All threads have had their turn."""
    service.watch()
    service.look()


@pytest.mark.parametrize("hosts_die", [True, False], ids=["machine", "driver"])
def test_on_an_instance_that_was_made_again_it_goes_on(
    service: HardwareService, process: Callable[[], Popen[bytes]], hosts_die: bool
) -> None:
    """After a restart of the machine no device host runs; the driver's alone leaves them."""
    vgpus = service.service.vgpus
    first = service.create()
    soft = vgpus.create(ADMIN, on("soft"))
    device = str(soft.device)
    holder = process()
    service.service.leases.begin(ADMIN, "soft", LeaseWanted(process_id=holder.pid))
    host = service.machine.by_uuid[device]
    if hosts_die:
        host.die()
    service.restart_machine()
    _others(service, ONE_SLICE)
    service.look()  # before anybody has looked at the hardware
    for _ in range(2):
        _look(service)
    again = service.show("a")
    assert again.state is VgpuState.READY
    assert again.hardware != first.hardware
    now = service.show("soft")
    assert (now.state, now.device, now.reason) == (VgpuState.READY, soft.device, "")
    assert service.service.leases.list(ADMIN, vgpu="soft").items == []  # what it used is lost
    assert [usage.external_id for usage in host.vgpus.values()] == [int(soft.id, 16)]
    assert dict(host.device.variables)["CUDA_VISIBLE_DEVICES"] == again.hardware
    assert service.told[-1]["CUDA_VISIBLE_DEVICES"] == again.hardware
    [partition] = [d for d in service.service.devices.list(ADMIN).items if d.uuid == soft.device]
    assert (partition.facts["hardware"], partition.present) == (again.hardware, True)
    assert partition.reserved_memory == 4 * GIB
    told = _told(service, soft.id, device)
    since = told[told.index("device.lost") :]
    assert [kind for kind in since if kind != "vgpu.leased"] == [
        "device.lost",
        "vgpu.failed",
        "device.returned",
        "vgpu.ready",
    ]
    before = len(_told(service, soft.id, device, again.id))
    _look(service)
    assert len(_told(service, soft.id, device, again.id)) == before  # that is all
    assert service.problems() == []


def test_where_no_room_is_left_for_the_instance_it_says_so(service: HardwareService) -> None:
    service.create()
    soft = service.service.vgpus.create(ADMIN, on("soft"))
    service.machine.by_uuid[str(soft.device)].die()
    service.restart_machine()
    _others(service, WHOLE_GPU)
    for _ in range(2):
        _look(service)
    carrier, lost = service.show("a"), service.show("soft")
    assert (carrier.state, carrier.reason_code) == (VgpuState.FAILED, NoRoomForPartition.code)
    assert (lost.state, lost.reason_code) == (VgpuState.FAILED, DeviceLost.code)
    assert lost.reason.startswith("vGPU 'a', on whose partition it is, is not there: no more of ")
    assert lost.reason_lines[0].key == "why-carrier-lost"
    before = len(_told(service, soft.id, str(soft.device), carrier.id))
    _look(service)
    assert len(_told(service, soft.id, str(soft.device), carrier.id)) == before
    # The other one ends: there is room again.
    _library(service).save({**_library(service).load(), "instances": {}})
    for _ in range(3):
        _look(service)
    assert service.show("a").state is VgpuState.READY
    assert service.show("soft").state is VgpuState.READY


def test_an_instance_that_no_driver_offers_is_told_of(service: HardwareService) -> None:
    service.create()
    soft = service.service.vgpus.create(ADMIN, on("soft"))
    service.restart_machine()
    _others(service, ONE_SLICE)
    offer = service.service.vgpus.carriers.offer
    service.service.vgpus.carriers.offer = lambda _: None
    for _ in range(2):
        _look(service)
    again, lost = service.show("a"), service.show("soft")
    assert again.state is VgpuState.READY
    assert (lost.state, lost.reason_code) == (VgpuState.FAILED, DeviceLost.code)
    assert f"no OpenCL driver offers device {again.hardware}" in lost.reason
    with pytest.raises(BadCarrier):
        service.service.vgpus.create(ADMIN, on("later"))
    service.service.vgpus.carriers.offer = offer
    for _ in range(2):
        _look(service)
    assert service.show("soft").state is VgpuState.READY
    assert service.show("soft").device == soft.device


def test_who_asks_for_a_place_brings_the_others_back_as_well(service: HardwareService) -> None:
    """The device is that of the new instance then, before anybody has looked at the hardware."""
    service.create()
    service.service.vgpus.create(ADMIN, on("soft"))
    service.restart_machine()
    _others(service, ONE_SLICE)
    service.service.hardware.look()
    service.settle()
    more = service.service.vgpus.create(ADMIN, on("more"))
    host = service.machine.by_uuid[str(more.device)]
    assert dict(host.device.variables)["CUDA_VISIBLE_DEVICES"] == service.show("a").hardware
    service.look()
    assert service.show("soft").state is VgpuState.READY
    assert len(host.vgpus) == 2


def test_a_device_host_that_does_not_end_is_waited_for(
    service: HardwareService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would tell workers of the first instance."""
    monkeypatch.setattr(carriers, "HOST_END_SECONDS", 0.2)
    service.create()
    soft = service.service.vgpus.create(ADMIN, on("soft"))
    host = service.machine.by_uuid[str(soft.device)]
    service.restart_machine()
    _others(service, ONE_SLICE)
    somebody = object()
    host.connections.add(somebody)
    for _ in range(2):
        _look(service)
    lost = service.show("soft")
    assert lost.state is VgpuState.FAILED
    assert "has not ended yet" in lost.reason
    host.connections.discard(somebody)
    for _ in range(2):
        _look(service)
    assert service.show("soft").state is VgpuState.READY
