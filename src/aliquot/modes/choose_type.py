"""Which type of partition is meant: the one that is named, else the smallest that suffices."""

from __future__ import annotations

from collections.abc import Sequence

from aliquot.errors import NoRoomForPartition, NoSuchPartitionType
from aliquot.model.hardware import Wanted
from aliquot.model.modes import PartitionType
from aliquot.model.why import Why
from aliquot.words.refusals import refusal


def choose_type(offered: Sequence[PartitionType], wanted: Wanted) -> PartitionType:
    """The type; raises NoSuchPartitionType, or NoRoomForPartition where it is full."""
    names = ", ".join(one.name for one in offered) or "-"
    if wanted.type is not None:
        text = wanted.type.casefold()
        found = [one for one in offered if text in (one.id.casefold(), one.name.casefold())]
        if not found:
            raise refusal(
                NoSuchPartitionType,
                Why.NO_TYPE,
                device=wanted.device,
                type=wanted.type,
                names=names,
            )
    elif wanted.memory is not None:
        least = wanted.memory
        found = [one for one in offered if one.memory is not None and one.memory >= least]
        # Of the same memory that with less to compute with, for the rest is another's then.
        found.sort(key=lambda one: (one.memory or 0, one.compute_units or 0))
        if not found:
            raise refusal(
                NoSuchPartitionType,
                Why.NO_TYPE_SO_LARGE,
                device=wanted.device,
                memory=least,
                names=names,
            )
    else:
        found = list(offered)
        if len(found) != 1:
            raise refusal(NoSuchPartitionType, Why.TYPE_NEEDED, device=wanted.device, names=names)
    room = [one for one in found if one.available != 0]
    if not room:
        raise refusal(NoRoomForPartition, Why.TYPE_FULL, device=wanted.device, type=found[0].name)
    return room[0]
