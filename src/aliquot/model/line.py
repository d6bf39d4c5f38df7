"""What is told to people who read different languages: keys of the catalogue (aliquot.words)."""

from __future__ import annotations

import msgspec

Values = dict[str, str | int | float]


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of text: a key of the catalogue, and what is put into its words.

    `lines` are sentences within it: they stand where the words have a place of that name.
    """

    key: str
    values: Values = {}
    lines: list[Line] = []
