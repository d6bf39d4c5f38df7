"""What goes wrong with one kind of hardware, and what is refused for its sake."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from aliquot.errors import (
    BadRomFile,
    BootDisplayKept,
    DeviceInUse,
    FunctionTaken,
    HardwareBusy,
    HardwareError,
    HardwareGone,
    KernelRefused,
    ModeUnavailable,
    ModuleMissing,
    NoRoomForPartition,
    NoSuchPartitionType,
    PartitionExists,
)
from aliquot.model.hardware import Wanted
from aliquot.modes.journal import Entry, Journal, Stage
from aliquot.modes.mdev import Mdev
from aliquot.modes.mig.mode import Mig
from aliquot.modes.passthrough import Passthrough
from aliquot.modes.sriov import Sriov
from tests.contract.modes.houses import (
    AUDIO,
    GPU,
    OTHER,
    MdevHouse,
    MigHouse,
    NvidiaSriovHouse,
    PassthroughHouse,
    SriovHouse,
    VirtualParentHouse,
    vgpu,
)
from tests.fakes.kernel.machine import Machine
from tests.fakes.kernel.mdev import MdevParent, Type
from tests.fakes.kernel.pci import Driver, Function
from tests.fakes.nvml_mig import Placement


@pytest.fixture
def card(tmp_path: Path, machine: Machine, sysfs: str) -> PassthroughHouse:
    return PassthroughHouse(tmp_path, sysfs, machine)


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


class SlowJournal(Journal):
    """One that leaves time between looking and writing for others to come between."""

    def entries(self) -> list[Entry]:
        found = super().entries()
        time.sleep(0.02)
        return found


def test_two_ask_for_one_function_at_once(card: PassthroughHouse) -> None:
    told: list[str] = []

    def ask(number: int) -> None:
        journal = SlowJournal(card.journal().path)
        mode = Passthrough(card.kernel(), journal, str(card.machine.proc))
        try:
            told.append(mode.create(card.wanted(number)).vgpu)
        except HardwareError as error:
            told.append(error.code)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told)[-7:] == [FunctionTaken.code] * 7
    assert len(card.mode().adopt()) == 1


def test_whole_and_parts_exclude_each_other(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    house = MdevHouse(tmp_path, sysfs, machine)
    whole = Passthrough(house.kernel(), house.journal(), str(machine.proc))
    mdev = house.mode()
    made = mdev.create(house.wanted())
    with pytest.raises((FunctionTaken, DeviceInUse)):
        whole.create(Wanted(vgpu=vgpu(2), device=GPU))
    mdev.delete(made.vgpu)
    whole.create(Wanted(vgpu=vgpu(2), device=GPU))
    with pytest.raises(FunctionTaken) as refused:
        mdev.create(house.wanted())
    assert vgpu(2) in refused.value.what
    with pytest.raises(FunctionTaken):
        mdev.create(house.wanted(2))  # it is a vGPU of another mode


def test_an_mdev_that_somebody_else_made(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    house = MdevHouse(tmp_path, sysfs, machine)
    machine.mdev.parents[GPU].create("nvidia-558", vgpu(1))
    before = house.state()
    with pytest.raises(PartitionExists):
        house.mode().create(house.wanted())
    assert house.state() == before
    # One that comes between the look and the writing: the kernel says so, and it is left alone.
    other = MdevHouse.mode(house)
    parent = machine.mdev.parents[GPU]
    create = parent.create

    def first_somebody_else(kind: str, text: str) -> None:
        create(kind, text)
        create(kind, text)

    parent.create = first_somebody_else
    with pytest.raises(PartitionExists):
        other.create(house.wanted(2))
    assert vgpu(2) in parent.made
    assert other.adopt() == []


@pytest.mark.parametrize("text", ["not-a-uuid", vgpu(1)[:-1], f"{vgpu(1)}0"])
def test_a_uuid_that_is_none(text: str, tmp_path: Path, machine: Machine, sysfs: str) -> None:
    house = MdevHouse(tmp_path, sysfs, machine)
    before = house.state()
    with pytest.raises(KernelRefused):
        house.mode().create(house.wanted(vgpu=text))
    assert house.state() == before
    assert house.mode().adopt() == []


def test_mdev_types(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    house = MdevHouse(tmp_path, sysfs, machine)
    mode = house.mode()
    types = {one.id: one for one in mode.capabilities(GPU).types}
    assert (types["nvidia-558"].memory, types["nvidia-558"].most) == (4 << 30, 12)
    assert (types["nvidia-559"].memory, types["nvidia-559"].most) == (None, None)
    assert [one.available for one in types.values()] == [2, 1]
    for kind, memory in (("A40-99Q", None), (None, None), (None, 64 << 30)):
        with pytest.raises(NoSuchPartitionType, match="A40-4Q"):
            mode.create(house.wanted(type=kind, memory=memory))
    made = mode.create(house.wanted(type=None, memory=3 << 30))
    assert (made.type, made.memory) == ("nvidia-558", 4 << 30)
    assert mode.plan(house.wanted(2)).leaves == {"nvidia-558": 0}
    attachment = mode.attach(made.vgpu)
    assert attachment.path == f"{sysfs}/bus/mdev/devices/{vgpu(1)}"
    assert attachment.files == ("/dev/vfio/vfio", "/dev/vfio/901")


def test_an_mdev_that_no_driver_takes(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    house = VirtualParentHouse(tmp_path, sysfs, machine)
    machine.mdev.driver = False
    made = house.mode().create(house.wanted())
    with pytest.raises(ModuleMissing, match="vfio_mdev"):
        house.mode().attach(made.vgpu)


@pytest.fixture
def flex(tmp_path: Path, machine: Machine, sysfs: str) -> SriovHouse:
    return SriovHouse(tmp_path, sysfs, machine)


def test_virtual_functions_come_with_the_first_and_go_with_the_last(flex: SriovHouse) -> None:
    function = flex.machine.pci.functions[GPU]
    assert function.sriov is not None
    mode = flex.mode()
    first, second = mode.create(flex.wanted(1)), mode.create(flex.wanted(2))
    assert (first.id, second.id) == ("0000:41:00.4", "0000:41:00.5")
    assert mode.attach(second.vgpu).functions == ("0000:41:00.5",)
    mode.delete(first.vgpu)
    assert function.sriov.count == 4
    mode.delete(second.vgpu)
    assert function.sriov.count == 0


def test_virtual_functions_that_were_there_stay(flex: SriovHouse) -> None:
    function = flex.machine.pci.functions[GPU]
    flex.machine.pci.set_count(function, "2")
    mode = flex.mode()
    mode.create(flex.wanted())
    mode.delete(vgpu(1))
    assert function.sriov is not None
    assert function.sriov.count == 2


def test_virtual_functions_that_others_use_stay(flex: SriovHouse) -> None:
    mode = flex.mode()
    made = mode.create(flex.wanted())
    flex.machine.pci.functions["0000:41:00.7"].nodes = {"drm": ("renderD140",)}
    flex.machine.pci.functions["0000:41:00.7"].driver = flex.machine.pci.drivers["xe"]
    flex.machine.opens(91, "clinfo", "/dev/dri/renderD140")
    mode.delete(made.vgpu)
    function = flex.machine.pci.functions[GPU]
    assert function.sriov is not None
    assert function.sriov.count == 4


def test_a_virtual_function_that_a_program_works_on_is_left_to_it(flex: SriovHouse) -> None:
    pci = flex.machine.pci
    pci.set_count(pci.functions[GPU], "2")
    for last in (4, 5):
        function = pci.functions[f"0000:41:00.{last}"]
        function.nodes = {"drm": (f"renderD{140 + last}",)}
        function.driver = pci.drivers["xe"]
    flex.machine.opens(91, "clinfo", "/dev/dri/renderD144")
    mode = flex.mode()
    made = mode.create(flex.wanted())
    assert made.id == "0000:41:00.5"
    flex.machine.opens(92, "python3", "/dev/dri/renderD145")
    with pytest.raises(DeviceInUse, match="python3"):
        mode.attach(made.vgpu)
    with pytest.raises(DeviceInUse, match="clinfo"):
        mode.create(flex.wanted(2))
    assert pci.unbound == []


def test_the_number_of_virtual_functions_changed_under_us(flex: SriovHouse) -> None:
    mode = flex.mode()
    mode.create(flex.wanted())
    last = mode.create(flex.wanted(2))
    function = flex.machine.pci.functions[GPU]
    flex.machine.pci.set_count(function, "0")
    flex.machine.pci.set_count(function, "1")
    (line,) = mode.verify(last.vgpu)
    assert line.key == "why-vf-count-changed"
    assert (line.values["was"], line.values["now"]) == (4, 1)
    with pytest.raises(HardwareGone, match="has 1 virtual functions, and had 4"):
        mode.attach(last.vgpu)
    for number in (1, 2):
        mode.delete(vgpu(number))
    assert function.sriov is not None
    assert function.sriov.count == 1, "what somebody else made of it is theirs"


def test_virtual_functions_that_a_driver_makes_in_its_own_way(flex: SriovHouse) -> None:
    function = flex.machine.pci.functions[GPU]
    assert function.sriov is not None
    function.sriov.closed = True
    with pytest.raises(HardwareError):
        flex.mode().create(flex.wanted())
    assert flex.mode().adopt() == []


def test_types_of_virtual_functions(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    house = NvidiaSriovHouse(tmp_path, sysfs, machine)
    mode = house.mode()
    with pytest.raises(NoSuchPartitionType, match="L40-12Q"):
        mode.create(house.wanted(type="L40-99Q"))
    assert house.state() == house.state()
    made = mode.create(house.wanted())
    assert machine.pci.functions[made.id].vgpu_type == "1105"
    assert [(one.name, one.available) for one in mode.capabilities(GPU).types] == [
        ("NVIDIA L40-12Q", 3),
        ("NVIDIA L40-24Q", 3),
    ]
    assert mode.attach(made.vgpu).functions == (made.id,)
    assert machine.pci.unbound == [], "NVIDIA's driver is a VFIO driver itself"
    mode.delete(made.vgpu)


def test_mig(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    house = MigHouse(tmp_path, sysfs, machine)
    mode = house.mode()
    plan = mode.plan(house.wanted(type="1g.10gb"))
    assert plan.target == f"{GPU} 6+1"
    assert (plan.leaves["4g.40gb"], plan.leaves["7g.80gb"]) == (1, 0)
    made = mode.create(house.wanted(type="1g.10gb"))
    assert made.id.startswith("MIG-")
    assert mode.attach(made.vgpu).environment["CUDA_VISIBLE_DEVICES"] == made.id
    assert house.library.placed() == {(19, 6)}
    with pytest.raises(NoSuchPartitionType, match=r"4g\.40gb"):
        mode.create(house.wanted(2, type="5g"))
    sized = mode.create(house.wanted(2, type=None, memory=30 << 30))
    assert sized.type == "5" or sized.type == "9"
    mode.delete(made.vgpu)


def test_mig_that_is_off_is_not_switched_on(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    house = MigHouse(tmp_path, sysfs, machine)
    house._set(mode=[0, 0])
    told = house.mode().capabilities(GPU)
    assert [line.key for line in told.ability.lines] == ["why-mig-off"]
    with pytest.raises(ModeUnavailable):
        house.mode().create(house.wanted())
    assert house.library.calls == []


def test_an_instance_that_a_program_computes_on_is_never_ended(
    tmp_path: Path, machine: Machine, sysfs: str
) -> None:
    house = MigHouse(tmp_path, sysfs, machine)
    mode = house.mode()
    made = mode.create(house.wanted())
    house._set(processes={made.id: [4242]})
    # NVML that can't tell who computes: then nobody is promised to be idle.
    house.library.failing = {"nvmlDeviceGetComputeRunningProcesses": 3}
    calls = len(house.library.calls)
    with pytest.raises(KernelRefused):
        mode.delete(made.vgpu)
    house.library.failing = {}
    with pytest.raises(DeviceInUse):
        mode.delete(made.vgpu)
    # And were it ours that was being ended when we died, it is left as well.
    journal = house.journal()
    (entry,) = journal.entries()
    journal.put(
        type(entry)(
            **{**{f: getattr(entry, f) for f in entry.__struct_fields__}, "stage": Stage.ENDING}
        )
    )
    (line,) = house.mode().recover()
    assert line.key == "why-not-undone"
    assert len(house.library.calls) == calls


def test_nvml_is_not_installed(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    def missing() -> object:
        raise ImportError("pynvml")

    house = MigHouse(tmp_path, sysfs, machine)
    mode = Mig(house.kernel(), house.journal(), load=missing)
    assert not mode.capabilities(GPU).ability.can
    with pytest.raises(ModuleMissing, match="nvidia-ml-py"):
        mode.create(house.wanted())


def test_a_journal_that_is_damaged_or_held(tmp_path: Path, card: PassthroughHouse) -> None:
    journal = card.journal()
    card.mode().create(card.wanted())
    (tmp_path / "modes" / f"{vgpu(1)}.json").write_text("{")
    assert card.mode().adopt() == []
    assert journal.unreadable() == [str(tmp_path / "modes" / f"{vgpu(1)}.json")]
    impatient = Journal(journal.path, patience_s=0.05)
    with journal.locked(), pytest.raises(HardwareBusy), impatient.locked():
        pass
    with impatient.locked():
        pass


def test_modes_are_apart(tmp_path: Path, machine: Machine, sysfs: str) -> None:
    """A mode neither adopts nor recovers nor ends what another has made."""
    house = SriovHouse(tmp_path, sysfs, machine)
    made = house.mode().create(house.wanted())
    other = Mdev(house.kernel(), house.journal(), str(machine.proc))
    assert other.adopt() == []
    with pytest.raises(HardwareError):
        other.delete(made.vgpu)
    assert isinstance(house.mode(), Sriov)
    assert OTHER not in machine.pci.functions


def test_partitions_that_somebody_made_meanwhile_are_seen_at_attach(
    tmp_path: Path, machine: Machine, sysfs: str
) -> None:
    house = MdevHouse(tmp_path, sysfs, machine)
    whole = Passthrough(house.kernel(), house.journal(), str(machine.proc))
    made = whole.create(Wanted(vgpu=vgpu(1), device=GPU))
    parent = machine.mdev.parents[GPU]
    parent.create("nvidia-558", vgpu(9))
    with pytest.raises(DeviceInUse, match="1 partitions"):
        whole.attach(made.vgpu)
    assert machine.pci.unbound == []
    parent.remove(vgpu(9))
    assert whole.attach(made.vgpu).functions == (GPU,)


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


def test_virtual_functions_that_others_have_cut_stay(
    tmp_path: Path, machine: Machine, sysfs: str
) -> None:
    house = SriovHouse(tmp_path, sysfs, machine)
    mode = house.mode()
    made = mode.create(house.wanted())
    address = next(a for a, f in machine.pci.functions.items() if f.physical and a != made.id)
    function = machine.pci.functions[address]
    function.driver = machine.pci.drivers["xe"]
    place = f"../../bus/pci/devices/{address}"
    function.parent = MdevParent(machine.mdev, address, {"t": Type("T", 1)}, 1, place)
    function.parent.create("t", vgpu(9))
    mode.delete(made.vgpu)
    assert address in machine.pci.functions, "an mdev of somebody's lies on it"
    assert vgpu(9) in function.parent.made


def test_somebody_elses_instance_at_the_same_place_is_left(
    tmp_path: Path, machine: Machine, sysfs: str
) -> None:
    """Theirs came between looking and making, or between that and a death."""
    house = MigHouse(tmp_path, sysfs, machine)
    mode = house.mode()
    make = house.library.nvmlDeviceCreateGpuInstanceWithPlacement

    def others_first(device: str, profile: int, placement: Placement) -> int:
        number = make(device, profile, placement)
        house.library.nvmlGpuInstanceCreateComputeInstance(number, 2)
        return make(device, profile, placement)

    house.library.nvmlDeviceCreateGpuInstanceWithPlacement = others_first  # type: ignore[method-assign]
    with pytest.raises(NoRoomForPartition):
        mode.create(house.wanted())
    theirs = house.library.placed()
    assert len(theirs) == 1
    assert house.journal().entries() == []
    # The intent of one who died before anything was made.
    (_, start) = next(iter(theirs))
    entry = Entry(
        vgpu=vgpu(1), mode=mode.mode, stage=Stage.MAKING, device=GPU, id="", type="9", start=start
    )
    house.journal().put(entry)
    house.mode().recover()
    assert house.library.placed() == theirs
    assert house.journal().entries() == []
