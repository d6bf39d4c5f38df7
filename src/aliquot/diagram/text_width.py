"""How wide a text is likely to be, without a font at hand: enough to know whether it fits."""

from __future__ import annotations

import unicodedata

_NARROW = frozenset("iljtfrI.,:;'|!()[] /")
_WIDE = frozenset("mwMW@%")


def width(text: str, size: float) -> float:
    """In pixels, of a sans-serif font of this size; rather too much than too little."""
    return size * sum(map(_part, text))


def fitted(text: str, size: float, room: float) -> str:
    """The text or, where it is wider than there is room, as much of it as fits, and an ellipsis."""
    if width(text, size) <= room:
        return text
    left = room - size * 0.9
    kept = ""
    for character in text:
        left -= size * _part(character)
        if left < 0:
            break
        kept += character
    return kept.rstrip() + "…"


def _part(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    if character in _NARROW:
        return 0.36
    if character in _WIDE:
        return 0.9
    return 0.62 if character.isupper() else 0.57
