"""vGPUs as a tree: each stands once, below what carries it."""

from __future__ import annotations

from aliquot.cli.vgpu_tree import lines
from tests.fakes.scenes import GIB, device, vgpu


def test_what_carries_what() -> None:
    card, empty = device(0, name="A100", memory=80 * GIB), device(1, name="A30")
    mig = {"mode": "mig", "memory": 39 * GIB, "leases": 0}
    half = vgpu(1, card, name="half", type="3g.40gb", hardware="MIG-1", **mig)
    other = vgpu(2, card, name="other", type="1g.10gb", **mig)
    part = device(2, facts={"carrier": half.id})
    on = [vgpu(3 + at, part, name=name, on=half.id, memory=4 * GIB) for at, name in enumerate("ab")]
    found = list(lines([half, other, *on], [card, empty, part]))
    assert found[0] == "device 0: A100, 80 GiB"
    assert found[1].startswith("├─ half: ready, mig 3g.40gb MIG-1, 39 GiB")
    assert found[2].startswith("│  ├─ a: ready, 4 GiB")
    assert found[3].startswith("│  └─ b: ready, 4 GiB")
    assert found[4].startswith("└─ other: ready, mig 1g.10gb, 39 GiB")
    assert found[5].startswith("device 1: A30")
    assert len(found) == 6


def test_one_whose_carrier_is_not_shown_stands_on_its_device() -> None:
    half = vgpu(1, device(0), name="half", mode="mig")
    part = device(2, name="part", facts={"carrier": half.id})
    found = list(lines([vgpu(2, part, name="a", on=half.id)], [part]))
    assert found[0].startswith("device 2: part")
    assert found[1].startswith("└─ a: ")
