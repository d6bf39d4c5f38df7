"""Passthrough: what goes along with a card, who keeps it, and what of it can fail."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aliquot.errors import (
    BadRomFile,
    BootDisplayKept,
    DeviceInUse,
    KernelRefused,
    ModeUnavailable,
    ModuleMissing,
)
from tests.contract.modes.houses import AUDIO, GPU, PassthroughHouse, vgpu
from tests.fakes.kernel.pci import Driver, Function


def test_all_of_the_group_but_bridges_goes_and_comes_back(card: PassthroughHouse) -> None:
    pci = card.machine.pci
    mode = card.mode()
    made = mode.create(card.wanted())
    attachment = mode.attach(made.vgpu)
    assert attachment.functions == (GPU, AUDIO)
    assert attachment.files == ("/dev/vfio/vfio", "/dev/vfio/15")
    drivers = {address: one.driver and one.driver.name for address, one in pci.functions.items()}
    assert drivers == {"0000:00:01.0": "pcieport", GPU: "vfio-pci", AUDIO: "vfio-pci"}
    mode.detach(made.vgpu)
    drivers = {address: one.driver and one.driver.name for address, one in pci.functions.items()}
    assert drivers == {"0000:00:01.0": "pcieport", GPU: "nouveau", AUDIO: "snd_hda_intel"}
    assert [one.override for one in pci.functions.values()] == ["", "", ""]


def test_a_card_goes_whole_where_its_functions_are_in_groups_of_their_own(
    card: PassthroughHouse,
) -> None:
    """As on platforms that tell functions apart, and wherever a card was plugged in later."""
    pci = card.machine.pci
    pci.functions[AUDIO].group = 16
    mode = card.mode()
    attachment = mode.attach(mode.create(card.wanted()).vgpu)
    assert attachment.functions == (GPU, AUDIO)
    assert attachment.files == ("/dev/vfio/vfio", "/dev/vfio/15", "/dev/vfio/16")
    mode.delete(vgpu(1))
    # What would bring somebody else along stays.
    pci.driver("nvme", "144d:a80c")
    pci.add(Function("0000:43:00.0", "144d:a80c", "0x010802", group=16))
    assert mode.attach(mode.create(card.wanted()).vgpu).functions == (GPU,)


def test_a_driver_that_was_asked_for_by_hand_is_bound_again(card: PassthroughHouse) -> None:
    pci = card.machine.pci
    pci.functions[GPU].driver = None
    pci.functions[AUDIO].override = "snd_hda_intel"
    before = card.state()
    mode = card.mode()
    mode.attach(mode.create(card.wanted()).vgpu)
    mode.delete(vgpu(1))
    assert card.state() == before


def test_what_vfio_had_already_stays_there(card: PassthroughHouse) -> None:
    pci = card.machine.pci
    for address in (GPU, AUDIO):
        pci.functions[address].override = "vfio-pci"
        pci.functions[address].driver = pci.drivers["vfio-pci"]
    before = card.state()
    mode = card.mode()
    mode.attach(mode.create(card.wanted()).vgpu)
    assert card.machine.writes == []
    mode.delete(vgpu(1))
    assert card.state() == before


def test_a_driver_that_was_unloaded_meanwhile_is_not_waited_for(card: PassthroughHouse) -> None:
    mode = card.mode()
    mode.attach(mode.create(card.wanted()).vgpu)
    del card.machine.pci.drivers["nouveau"]
    mode.delete(vgpu(1))
    assert card.machine.pci.functions[GPU].driver is None
    assert card.machine.pci.functions[GPU].override == ""


@pytest.mark.parametrize("act", ["plan", "create", "attach"])
@pytest.mark.parametrize(
    ("name", "file", "told"),
    [
        ("Xorg", "/dev/dri/card1", "Xorg (process 77, display server)"),
        ("gnome-shell", "/dev/dri/renderD129", "gnome-shell (process 77, display server)"),
        ("python3", "/dev/dri/renderD129", "python3 (process 77, computes)"),
        ("ollama", "/dev/nvidia3", "ollama (process 77, computes)"),
    ],
)
def test_a_display_server_or_program_keeps_its_device(
    card: PassthroughHouse, act: str, name: str, file: str, told: str
) -> None:
    information = card.machine.proc / "driver/nvidia/gpus" / GPU / "information"
    information.parent.mkdir(parents=True)
    information.write_text("Model: NVIDIA\nDevice Minor: \t 3\n")
    mode = card.mode()
    if act == "attach":
        mode.create(card.wanted())
    card.machine.opens(77, name, file)
    with pytest.raises(DeviceInUse) as refused:
        mode.attach(vgpu(1)) if act == "attach" else getattr(mode, act)(card.wanted())
    assert told in refused.value.what
    assert card.machine.pci.unbound == []


def test_a_sound_server_lets_go(card: PassthroughHouse) -> None:
    card.machine.opens(78, "pipewire", "/dev/snd/controlC2")
    mode = card.mode()
    mode.attach(mode.create(card.wanted()).vgpu)


def test_the_boot_display_is_only_forced(card: PassthroughHouse) -> None:
    card.machine.pci.functions[GPU].boot = True
    mode = card.mode()
    for act in (mode.plan, mode.create):
        with pytest.raises(BootDisplayKept) as refused:
            act(card.wanted())
        assert "--force" in refused.value.remedy
    plan = mode.plan(card.wanted(force=True))
    assert "why-boot-display" in [line.key for line in plan.notes]
    mode.attach(mode.create(card.wanted(force=True)).vgpu)
    mode.delete(vgpu(1))
    # One that became the boot display after it was set aside is no less so.
    card.machine.pci.functions[GPU].boot = False
    mode.create(card.wanted(2))
    card.machine.pci.functions[GPU].boot = True
    card.machine.pci.unbound.clear()
    with pytest.raises(BootDisplayKept):
        mode.attach(vgpu(2))
    assert card.machine.pci.unbound == []


def test_a_group_with_strangers_is_not_viable(card: PassthroughHouse) -> None:
    card.machine.pci.driver("nvme", "144d:a80c")
    card.machine.pci.add(Function("0000:43:00.0", "144d:a80c", "0x010802", group=15))
    mode = card.mode()
    assert not mode.capabilities(GPU).ability.can
    with pytest.raises(ModeUnavailable) as refused:
        mode.create(card.wanted())
    assert "0000:43:00.0" in refused.value.what
    card.machine.pci.functions["0000:43:00.0"].group = 16
    mode.create(card.wanted())


def test_what_came_to_the_group_meanwhile_is_seen_at_attach(card: PassthroughHouse) -> None:
    pci = card.machine.pci
    mode = card.mode()
    made = mode.create(card.wanted())
    pci.driver("nvme", "144d:a80c")
    pci.add(Function("0000:43:00.0", "144d:a80c", "0x010802", group=15))
    with pytest.raises(ModeUnavailable, match="0000:43:00"):
        mode.attach(made.vgpu)
    assert pci.unbound == []
    pci.unplug("0000:43:00.0")
    # Another function of the same card goes along, and comes back.
    pci.driver("xhci_hcd", "10de:22bb")
    pci.add(Function("0000:41:00.2", "10de:22bb", "0x0c0330", group=15))
    before = card.state()
    assert mode.attach(made.vgpu).functions == (GPU, AUDIO, "0000:41:00.2")
    mode.detach(made.vgpu)
    assert card.state() == before


def test_no_iommu(card: PassthroughHouse) -> None:
    for function in card.machine.pci.functions.values():
        function.group = None
    with pytest.raises(ModeUnavailable, match="IOMMU"):
        card.mode().create(card.wanted())


def test_vfio_is_not_loaded(card: PassthroughHouse) -> None:
    mode = card.mode()
    mode.create(card.wanted())
    vfio = card.machine.pci.drivers.pop("vfio-pci")
    for act in (lambda: mode.attach(vgpu(1)), lambda: card.mode().plan(card.wanted(2))):
        with pytest.raises(ModuleMissing, match="modprobe vfio-pci"):
            act()
    card.machine.pci.drivers["vfio-pci"] = vfio
    mode.attach(vgpu(1))


def test_a_driver_that_lets_go_by_itself_at_that_moment(card: PassthroughHouse) -> None:
    """As drivers do that find out only later that they can't use a virtual function."""
    pci = card.machine.pci
    unbind = pci.unbind

    def too_late(driver: Driver, text: str) -> None:
        if driver.name == "nouveau":
            pci.functions[GPU].driver = None
        unbind(driver, text)

    pci.unbind = too_late
    mode = card.mode()
    mode.attach(mode.create(card.wanted()).vgpu)
    assert pci.functions[GPU].driver is pci.drivers["vfio-pci"]


def test_a_function_that_vfio_refuses_leaves_all_as_it_was(card: PassthroughHouse) -> None:
    card.machine.pci.drivers["vfio-pci"].refuses.add(AUDIO)
    before = card.state()
    mode = card.mode()
    mode.create(card.wanted())
    with pytest.raises(KernelRefused, match=AUDIO):
        mode.attach(vgpu(1))
    assert card.state() == before
    assert not mode.adopt()[0].attached


def test_a_driver_that_does_not_take_it_back_is_told_and_tried_again(
    card: PassthroughHouse,
) -> None:
    before = card.state()
    mode = card.mode()
    mode.attach(mode.create(card.wanted()).vgpu)
    driver = card.machine.pci.drivers["nouveau"]
    driver.refuses.add(GPU)
    with pytest.raises(KernelRefused):
        mode.detach(vgpu(1))
    (line,) = mode.recover()
    assert line.key == "why-not-undone"
    driver.refuses.clear()
    (line,) = mode.recover()
    assert line.key == "why-undone"
    assert card.state() == before


def test_a_rom_file(card: PassthroughHouse, tmp_path: Path) -> None:
    rom = tmp_path / "card.rom"
    mode = card.mode()
    with pytest.raises(BadRomFile):
        mode.create(card.wanted(rom=str(rom)))
    os.mkfifo(rom)  # nobody ever writes into it
    with pytest.raises(BadRomFile):
        mode.create(card.wanted(rom=str(rom)))
    rom.unlink()
    rom.write_bytes(b"MZ")
    with pytest.raises(BadRomFile):
        mode.create(card.wanted(rom=str(rom)))
    rom.write_bytes(b"\x55\xaa\x40")
    made = mode.create(card.wanted(rom=str(rom)))
    assert mode.attach(made.vgpu).rom == str(rom)
