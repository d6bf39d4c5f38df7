"""Between the modes: of two that ask at once, of whole and parts, and the journal of all."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from aliquot.errors import DeviceInUse, FunctionTaken, HardwareBusy, HardwareError
from aliquot.model.hardware import Wanted
from aliquot.modes.journal import Entry, Journal
from aliquot.modes.mdev import Mdev
from aliquot.modes.passthrough import Passthrough
from aliquot.modes.sriov import Sriov
from tests.contract.modes.houses import (
    GPU,
    OTHER,
    MdevHouse,
    PassthroughHouse,
    SriovHouse,
    vgpu,
)
from tests.fakes.kernel.machine import Machine


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
