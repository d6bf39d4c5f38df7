"""The words of pictures and pages, by key, in English and Chinese: one catalogue for all faces.

An entry may have places for values, like `{used:size}`: the name, and how it is written. The kinds
are size (bytes), exact (bytes that read back as what they are), rate (bytes a second), percent,
share (percent to the hundredth), number, and text where none is named. Any other kind says of what
the value is the name: `{policy:policy}` is the entry `policy-best-effort`, or what stands there
where there is no such entry. `{lines}` are the sentences within a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from aliquot.model.line import Line
from aliquot.sizes import format_size, parse_size

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

    def placed(place: re.Match[str]) -> str:
        value, kind = told[place[1]], place[2] or "text"
        if kind in _WRITTEN:
            return written(value, kind)
        return catalogue(language).get(f"{kind}-{value}", str(value))

    return _PLACE.sub(placed, entry)


def line(language: str, one: Line) -> str:
    """A line with the sentences within it; raises KeyError as `say` does."""
    return say(language, one.key, {**one.values, "lines": _joined(language, one.lines)})


def sentence(language: str, lines: Sequence[Line], otherwise: str = "") -> str:
    """Some lines as one sentence.

    `otherwise` is what to say where there are none, or where the catalogue lacks one of them: the
    state may have been written by another version.
    """
    try:
        return _joined(language, lines) or otherwise
    except KeyError:
        return otherwise


def reason(language: str, told: str, code: str = "", lines: Sequence[Line] = ()) -> str:
    """A reason in a language, of its English sentence, its error's code and its lines.

    Where it is no sentence of ours, what errors of that code are about stands before it.
    """
    said = sentence(language, lines)
    if said or not told or language == LANGUAGES[0]:
        return said or told
    title = catalogue(language).get(f"error-{code}")
    return told if title is None else f"{title}{say(language, 'between')}{told}"


def english(*lines: Line) -> str:
    """The sentence that the API tells beside the lines; raises KeyError as `say` does."""
    return _joined(LANGUAGES[0], lines)


def places(entry: str) -> set[tuple[str, str]]:
    """The names and kinds of the values that an entry has places for."""
    return {(name, kind or "text") for name, kind in _PLACE.findall(entry)}


def written(value: str | int | float, kind: str) -> str:
    """A value as its kind is written."""
    write = _WRITTEN.get(kind)
    return str(value) if write is None else write(value)


def exact(size: int) -> str:
    """A size that reads back as what it is: in the largest unit in which that is exact."""
    told = format_size(size)
    if size and parse_size(told) == size:
        return told
    unit = next(
        (unit for unit in ("MiB", "KiB") if size and size % parse_size(f"1{unit}") == 0), "B"
    )
    return f"{size // parse_size(f'1{unit}')} {unit}"


def _joined(language: str, lines: Sequence[Line]) -> str:
    return say(language, "between").join(line(language, one) for one in lines)


def _short(value: float) -> str:
    """With at most one digit behind the point, and none where that is 0."""
    text = f"{value:.1f}"
    return text.removesuffix(".0")


def _hundredths(value: float) -> str:
    """With no more digits behind the point than it has, and at most two."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


_WRITTEN: Mapping[str, Callable[[Any], str]] = {
    "size": lambda value: format_size(int(value)),
    "exact": lambda value: exact(int(value)),
    "rate": lambda value: f"{format_size(int(value))}/s",
    "percent": lambda value: f"{_short(float(value))} %",
    "share": lambda value: f"{_hundredths(float(value))} %",
    "number": lambda value: _short(float(value)),
    "text": str,
}
