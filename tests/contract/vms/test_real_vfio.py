"""Cards behind an IOMMU, and mdevs, in a real QEMU: `make test-vm`, in its guest VM."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from aliquot.devices.pci import driver_of
from aliquot.devices.sysfs import Sysfs
from aliquot.errors import DeviceInUse, HypervisorRefused
from aliquot.leases.vm.interface import vgpu_id
from aliquot.leases.vm.qemu.arguments import arguments
from aliquot.leases.vm.qemu.hypervisor import Qemu
from aliquot.model.vm import VmState
from tests.contract.modes.real_houses import (
    REAL,
    AudioCard,
    BochsCard,
    RealHouse,
    VirtualFunctions,
    until,
)
from tests.contract.modes.sample_houses import Mbochs, Mdpy, Mtty
from tests.contract.vms.conftest import Start
from tests.contract.vms.qtest import Qtest

pytestmark = pytest.mark.skipif(not REAL, reason="only in the guest VM of `make test-vm`")
_FREE_ADDRESS = 0xD0000000
# Without ACPI in between a port gives a device back without a guest's system.
_AT_ONCE = ("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off")


@pytest.mark.parametrize("kind", [AudioCard, BochsCard, VirtualFunctions, Mbochs, Mdpy, Mtty])
def test_a_card_goes_into_a_vm_and_comes_back(
    kind: type[RealHouse], tmp_path: Path, qemu: Qemu, start: Start
) -> None:
    house = kind(tmp_path)
    try:
        mode = house.mode()
        made = mode.create(house.wanted())
        # The host's NVMe driver finds out only later that it can't use a virtual function, and
        # then lets go of it, whoever has it by then.
        until(lambda: driver_of(Sysfs(), made.id) != "nvme")
        attachment = mode.attach(made.vgpu)
        process, path = start(*_AT_ONCE)
        vm = qemu.find(str(path))
        began = time.monotonic()
        assert qemu.attach(vm, attachment, lasting=False).now == {vgpu_id(attachment)}
        print(f"attached in {time.monotonic() - began:.2f} s")
        with pytest.raises(DeviceInUse) as caught:
            mode.detach(made.vgpu)
        assert str(process.pid) in caught.value.what
        qemu.detach(vm, vgpu_id(attachment))
        assert qemu.attached(vm).now == frozenset()
        assert qemu.attach(vm, attachment, lasting=False).now  # and in again
        process.kill()
        process.wait()
        assert qemu.changed(vm.id, VmState.PAUSED, 30) is VmState.GONE
        mode.detach(made.vgpu)
        mode.delete(made.vgpu)
    finally:
        house.close()
    assert house.state() == house.at_first


def test_arguments_start_a_qemu_that_has_the_card(tmp_path: Path, qemu: Qemu, start: Start) -> None:
    """Its processor stands still: what a guest's system would do with the card is done by hand."""
    house = BochsCard(tmp_path)
    try:
        mode = house.mode()
        made = mode.create(house.wanted())
        qtest = tmp_path / "qtest"
        process, path = start(
            *arguments(mode.attach(made.vgpu)), "-qtest", f"unix:{qtest},server=on,wait=off"
        )
        vm = qemu.find(str(path))
        assert qemu.attached(vm).now == {made.vgpu.replace("-", "")}
        guest = Qtest(qtest)
        card = guest.device(0x1234, 0x1111)
        assert guest.bar_size(card) == 16 << 20  # as the host has it, test_real_kernel.py
        guest.map_bar(card, _FREE_ADDRESS)
        for offset, value in ((0, 0x12345678), ((16 << 20) - 4, 0x9ABCDEF0)):
            guest.write(_FREE_ADDRESS + offset, value)
            assert guest.read(_FREE_ADDRESS + offset) == value
        guest.close()
        process.kill()
        process.wait()
    finally:
        house.close()


def test_a_card_that_wasnt_handed_over_is_refused(tmp_path: Path, qemu: Qemu, start: Start) -> None:
    house = BochsCard(tmp_path)
    try:
        mode = house.mode()
        made = mode.create(house.wanted())
        attachment = mode.attach(made.vgpu)
        mode.detach(made.vgpu)
        assert driver_of(Sysfs(), attachment.functions[0]) != "vfio-pci"
        _, path = start(*_AT_ONCE)
        vm = qemu.find(str(path))
        with pytest.raises(HypervisorRefused, match="vfio"):
            qemu.attach(vm, attachment, lasting=False)
        assert qemu.attached(vm).now == frozenset()
    finally:
        house.close()
