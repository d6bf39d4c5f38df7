"""What only a real kernel can show; `make test-vm` runs it in a guest VM."""

from __future__ import annotations

from pathlib import Path

import pytest

from aliquot.devices.pci import PciSource, read_function
from aliquot.devices.sysfs import Sysfs
from aliquot.errors import BootDisplayKept, KernelRefused
from aliquot.model.hardware import Wanted
from aliquot.modes.journal import Journal
from aliquot.modes.kernel import Kernel, number_of
from aliquot.modes.passthrough import Passthrough
from tests.contract.modes.houses import vgpu
from tests.contract.modes.real_houses import REAL, AudioCard, VirtualFunctions

pytestmark = pytest.mark.skipif(not REAL, reason="only in the guest VM of `make test-vm`")
BOOT_DISPLAY = "0000:00:02.0"
AUDIO = "0000:01:00.1"


def test_what_the_inventory_tells() -> None:
    found = {s.pci_address: s for s in PciSource(Sysfs()).list_devices().sightings}
    assert {BOOT_DISPLAY, "0000:01:00.0", "0000:02:00.0", "0000:03:00.0", "0000:04:00.0"} <= {
        *found
    }
    card = read_function(Sysfs(), "0000:02:00.0")
    assert (card.driver, card.boot_display) == ("bochs-drm", False)
    assert card.reset_methods
    assert [bar.size for bar in card.bars if bar.number < 6 and bar.prefetchable] == [16 << 20]
    assert read_function(Sysfs(), BOOT_DISPLAY).boot_display
    # Together at start; the kernel tells them apart where the card was plugged in later.
    told: set[tuple[str, str]] = set()
    for address in ("0000:01:00.0", AUDIO):
        group = read_function(Sysfs(), address).iommu_group
        assert group is not None
        told |= {(one.pci_address, one.what) for one in group.members}
    assert told == {("0000:01:00.0", "display"), (AUDIO, "audio")}


def test_the_boot_display_keeps_its_driver(tmp_path: Path) -> None:
    mode = Passthrough(Kernel(), Journal(str(tmp_path / "modes")))
    with pytest.raises(BootDisplayKept):
        mode.create(Wanted(vgpu=vgpu(1), device=BOOT_DISPLAY))
    assert read_function(Sysfs(), BOOT_DISPLAY).driver == "bochs-drm"


def test_the_kernel_s_own_errors(tmp_path: Path) -> None:
    """Those on which the modes rely."""
    house = VirtualFunctions(tmp_path)
    kernel = house.kernel()
    count = ("bus/pci/devices", house.device, "sriov_numvfs")
    with pytest.raises(KernelRefused) as refused:
        kernel.write("9", *count)
    assert number_of(refused.value) == 34  # ERANGE
    kernel.write("2", *count)
    with pytest.raises(KernelRefused) as refused:
        kernel.write("3", *count)
    assert number_of(refused.value) == 16  # EBUSY
    house.close()


def test_all_of_a_group_is_handed_over(tmp_path: Path) -> None:
    house = AudioCard(tmp_path)
    mode = house.mode()
    attachment = mode.attach(mode.create(house.wanted()).vgpu)
    assert attachment.functions == ("0000:01:00.0", AUDIO)
    # The kernel lets a group be opened once all of it is in VFIO's hands.
    with open(attachment.files[-1], "rb+", buffering=0):
        pass
    house.close()
