"""Mode `auto`: which mode suits what is asked, and why not the others. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from aliquot.model.lease import LeaseKind
from aliquot.model.line import Line
from aliquot.model.modes import Mode, ModeAbility
from aliquot.model.why import Why, because


class Isolation(StrEnum):
    """What is to keep a vGPU from others: software will do, or hardware, or nobody beside it."""

    SOFTWARE = "software"
    HARDWARE = "hardware"
    WHOLE = "whole"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a mode; `elastic`: resized in use, and what is left of others' time."""

    consumer: LeaseKind = LeaseKind.PROCESS
    isolation: Isolation = Isolation.SOFTWARE
    elastic: bool = False
    windows: bool = False  # a guest VM with Windows, for which there is no guest driver


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The mode, None where none will do; why it; why not each of the others."""

    mode: Mode | None
    why: tuple[Line, ...]
    others: dict[Mode, tuple[Line, ...]]


# The first that can is taken. For programs the one that shares best; for a virtual machine the one
# that it sees as a card of its own, cut by hardware rather than whole, so that others get the rest.
_PROGRAMS = (Mode.REMOTING, Mode.MIG)
_MACHINES = (Mode.SRIOV, Mode.MDEV, Mode.PASSTHROUGH, Mode.REMOTING)
_REASONS = {
    Mode.REMOTING: Why.AUTO_REMOTING,
    Mode.MIG: Why.AUTO_MIG,
    Mode.SRIOV: Why.AUTO_SRIOV,
    Mode.MDEV: Why.AUTO_MDEV,
    Mode.PASSTHROUGH: Why.AUTO_PASSTHROUGH,
}


def choose(wish: Wish, abilities: Sequence[ModeAbility]) -> Choice:
    """The mode in which a device with these abilities best does what is asked."""
    order = _MACHINES if wish.consumer is LeaseKind.VM else _PROGRAMS
    if wish.elastic and Mode.REMOTING in order:
        order = (Mode.REMOTING, *(mode for mode in order if mode is not Mode.REMOTING))
    others: dict[Mode, tuple[Line, ...]] = {}
    fitting: list[ModeAbility] = []
    for ability in abilities:
        why_not = _unsuited(ability.mode, wish)
        if why_not is not None:
            others[ability.mode] = (why_not,)
        elif not ability.can:
            others[ability.mode] = ability.lines
        else:
            fitting.append(ability)
    fitting.sort(key=lambda ability: order.index(ability.mode))
    for ability in fitting[1:]:
        others[ability.mode] = (because(Why.AUTO_LATER, mode=fitting[0].mode.value),)
    if not fitting:
        return Choice(mode=None, why=(because(Why.AUTO_NONE),), others=others)
    chosen = fitting[0]
    why = (because(_REASONS[chosen.mode]), *chosen.lines)
    return Choice(mode=chosen.mode, why=why, others=others)


def _unsuited(mode: Mode, wish: Wish) -> Line | None:
    """Why a mode isn't what is asked for, whatever the device can."""
    if wish.isolation is Isolation.WHOLE and mode is not Mode.PASSTHROUGH:
        return because(Why.AUTO_NOT_WHOLE)
    if wish.isolation is Isolation.HARDWARE and mode is Mode.REMOTING:
        return because(Why.AUTO_NOT_HARDWARE)
    if wish.elastic and mode is not Mode.REMOTING:
        return because(Why.AUTO_NOT_ELASTIC)
    if wish.consumer is LeaseKind.VM:
        if mode is Mode.MIG:
            return because(Why.AUTO_NOT_FOR_VMS)
        if mode is Mode.REMOTING and wish.windows:
            return because(Why.AUTO_NOT_FOR_WINDOWS)
    elif mode not in _PROGRAMS:
        return because(Why.AUTO_ONLY_VMS)
    return None
