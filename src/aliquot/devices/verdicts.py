"""What a device can do of a mode, told in English and as lines for any other language."""

from __future__ import annotations

from aliquot import words
from aliquot.model.line import Line
from aliquot.model.modes import Mode, ModeAbility


def can(mode: Mode, *notes: Line) -> ModeAbility:
    """It can; `notes` are what one has to know of that."""
    return ModeAbility(mode=mode, can=True, note=words.english(*notes) or None, lines=notes)


def cannot(mode: Mode, *why: Line) -> ModeAbility:
    """It can't, and why."""
    return ModeAbility(mode=mode, can=False, why_not=words.english(*why), lines=why)
