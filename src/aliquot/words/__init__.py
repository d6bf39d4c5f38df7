"""The words of pictures and pages, by key, in English and Chinese: one catalogue for all faces.

An entry may have places for values, like `{used:size}`: the name, and how it is written. The kinds
are size (bytes), rate (bytes a second), percent, number, and text where none is named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

from aliquot.sizes import format_size

LANGUAGES = ("en", "zh")
_PLACE = re.compile(r"\{([a-z_]+)(?::([a-z]+))?\}")


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All entries of a language."""
    text = resources.files(__name__).joinpath(f"{language}.json").read_text("utf-8")
    return json.loads(text)


def say(language: str, key: str, values: Mapping[str, str | int | float] | None = None) -> str:
    """An entry with its values in place; raises KeyError for a key or value that isn't there."""
    told = values or {}
    entry = catalogue(language)[key]
    return _PLACE.sub(lambda place: written(told[place[1]], place[2] or "text"), entry)


def places(entry: str) -> set[tuple[str, str]]:
    """The names and kinds of the values that an entry has places for."""
    return {(name, kind or "text") for name, kind in _PLACE.findall(entry)}


def written(value: str | int | float, kind: str) -> str:
    """A value as its kind is written."""
    if kind == "size":
        return format_size(int(value))
    if kind == "rate":
        return f"{format_size(int(value))}/s"
    if kind == "percent":
        return f"{_short(float(value))} %"
    if kind == "number":
        return _short(float(value))
    return str(value)


def _short(value: float) -> str:
    """With at most one digit behind the point, and none where that is 0."""
    text = f"{value:.1f}"
    return text.removesuffix(".0")
