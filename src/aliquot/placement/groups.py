"""Places for a group: all of its members get one, or none does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aliquot.placement.demand import Demand
from aliquot.placement.engine.gangs import place_gang
from aliquot.placement.machine import Choice, Machine
from aliquot.placement.views import DeviceView


class Assignment(NamedTuple):
    """A choice for each member, in their order; None where there is none.

    `cut_off`: the search was ended before it knew; then there may be one after all.
    """

    choices: tuple[Choice, ...] | None
    cut_off: bool = False


def assign(demands: Sequence[Demand], devices: Sequence[DeviceView], *, spread: bool) -> Assignment:
    """Devices for all demands; with `spread` no two on the same one.

    A member without a size takes all that is free: such ones need a device of their own.
    """
    if not spread and any(demand.memory is None for demand in demands):
        raise ValueError("members that share devices need a size")
    machine = Machine(devices)
    gang = place_gang(machine.placer, [machine.claim(one) for one in demands], own_nodes=spread)
    if gang.places is None:
        return Assignment(None, gang.cut_off)
    return Assignment(
        tuple(
            machine.choice(demand, place.node, place.score)
            for demand, place in zip(demands, gang.places, strict=True)
        )
    )


def misfit(demands: Sequence[Demand], devices: Sequence[DeviceView], *, spread: bool) -> int | None:
    """The first member that finds no place together with those before it; None where all do."""
    low, high = 0, len(demands)
    if assign(demands, devices, spread=spread).choices is not None:
        return None
    while high - low > 1:  # the first `low` fit, the first `high` don't
        middle = (low + high) // 2
        fits = assign(demands[:middle], devices, spread=spread).choices is not None
        low, high = (middle, high) if fits else (low, middle)
    return low
