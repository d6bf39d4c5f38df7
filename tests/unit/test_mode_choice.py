"""Mode auto: what is chosen for whom, and that every mode that isn't has its reason."""

from __future__ import annotations

import itertools

import pytest

from aliquot import words
from aliquot.devices.verdicts import can, cannot
from aliquot.errors import DeviceInUse
from aliquot.model.hardware import Made
from aliquot.model.lease import LeaseKind
from aliquot.model.modes import Mode, ModeAbility, Partition
from aliquot.model.physical_device import PhysicalDevice
from aliquot.model.why import Why, because
from aliquot.modes import hybrid
from aliquot.modes.choice import Isolation, Wish, choose

VM, PROCESS, CONTAINER = LeaseKind.VM, LeaseKind.PROCESS, LeaseKind.CONTAINER


def abilities(*able: Mode) -> list[ModeAbility]:
    why = because(Why.NO_VIRTUAL_FUNCTIONS)
    return [can(mode) if mode in able else cannot(mode, why) for mode in Mode]


@pytest.mark.parametrize(
    ("wish", "able", "chosen"),
    [
        (Wish(), [*Mode], Mode.REMOTING),
        (Wish(consumer=CONTAINER, isolation=Isolation.HARDWARE), [*Mode], Mode.MIG),
        (Wish(isolation=Isolation.HARDWARE, elastic=True), [*Mode], None),
        (Wish(isolation=Isolation.WHOLE), [*Mode], None),
        (Wish(consumer=VM), [*Mode], Mode.SRIOV),
        (Wish(consumer=VM), [Mode.REMOTING, Mode.MDEV, Mode.PASSTHROUGH], Mode.MDEV),
        (Wish(consumer=VM), [Mode.REMOTING, Mode.PASSTHROUGH], Mode.PASSTHROUGH),
        (Wish(consumer=VM), [Mode.REMOTING], Mode.REMOTING),
        (Wish(consumer=VM, elastic=True), [*Mode], Mode.REMOTING),
        (Wish(consumer=VM, isolation=Isolation.WHOLE), [*Mode], Mode.PASSTHROUGH),
        (Wish(consumer=VM, windows=True), [Mode.REMOTING], None),
        (Wish(consumer=LeaseKind.DESKTOP), [Mode.PASSTHROUGH], None),
    ],
)
def test_what_is_chosen(wish: Wish, able: list[Mode], chosen: Mode | None) -> None:
    assert choose(wish, abilities(*able)).mode is chosen


def test_every_answer_has_its_reasons_in_every_language() -> None:
    for consumer, isolation, elastic, windows in itertools.product(
        LeaseKind, Isolation, (False, True), (False, True)
    ):
        wish = Wish(consumer=consumer, isolation=isolation, elastic=elastic, windows=windows)
        for able in ([], [Mode.PASSTHROUGH], [Mode.REMOTING, Mode.MIG], [*Mode]):
            told = choose(wish, abilities(*able))
            assert told.why
            assert {*told.others} | {told.mode} >= {*Mode}
            assert told.mode not in told.others
            assert told.mode is None or told.mode in able
            for lines in (told.why, *told.others.values()):
                assert lines
                for language in words.LANGUAGES:
                    assert words.sentence(language, lines)


def test_what_one_has_to_know_of_the_chosen_mode_is_told() -> None:
    found = [can(Mode.PASSTHROUGH, because(Why.NO_RESET))]
    assert "why-no-reset" in [line.key for line in choose(Wish(consumer=VM), found).why]


def device(*partitions: Partition) -> PhysicalDevice:
    return PhysicalDevice(
        uuid="gpu", sources=("nvml",), name="A100", kind="gpu", partitions=partitions
    )


MIG = Partition(mode=Mode.MIG, id="MIG-1", type="3g.40gb")


def test_a_tree_of_software_on_hardware() -> None:
    made = [
        Made(mode=Mode.MIG, vgpu="whole-instance", device="0000:41:00.0", id="MIG-2"),
        Made(mode=Mode.REMOTING, vgpu="b", device="MIG-1", id="b"),
        Made(mode=Mode.REMOTING, vgpu="a", device="MIG-1", id="a"),
        Made(mode=Mode.REMOTING, vgpu="beside", device="gpu", id="beside"),
        Made(mode=Mode.REMOTING, vgpu="elsewhere", device="other", id="elsewhere"),
    ]
    other = Partition(mode=Mode.MIG, id="MIG-2")
    tree = hybrid.tree(device(MIG, other), made)
    assert (tree.id, tree.vgpus) == ("gpu", ("beside",))
    assert [(b.id, b.vgpus) for b in tree.branches] == [
        ("MIG-1", ("a", "b")),
        ("MIG-2", ("whole-instance",)),
    ]
    with pytest.raises(DeviceInUse, match="a, b"):
        hybrid.refuse_carrier("MIG-1", made)
    hybrid.refuse_carrier("MIG-2", made)


@pytest.mark.parametrize(
    ("partition", "carries"),
    [
        (MIG, True),
        (Partition(mode=Mode.SRIOV, id="0000:4d:00.1", driver="xe"), True),
        (Partition(mode=Mode.SRIOV, id="0000:4d:00.1", driver="vfio-pci"), False),
        (Partition(mode=Mode.SRIOV, id="0000:4d:00.1"), False),
        (Partition(mode=Mode.MDEV, id="u", driver="vfio_mdev"), False),
    ],
)
def test_what_carries_software_vgpus(partition: Partition, carries: bool) -> None:
    assert hybrid.carries(partition) is carries
    environment = dict(hybrid.environment(partition))
    assert environment.get("CUDA_VISIBLE_DEVICES") == ("MIG-1" if partition is MIG else None)
