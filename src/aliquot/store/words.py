"""Text from people and programs, made into what every database can keep and every reader reads."""

from __future__ import annotations

from typing import Any, cast

_BAD = "\N{REPLACEMENT CHARACTER}"


def clean(words: str) -> str:
    """The same text without zero characters and halves of surrogate pairs."""
    if words.isascii() and "\0" not in words:
        return words
    return words.replace("\0", _BAD).encode("utf-8", "replace").decode()


def cleaned(value: Any) -> Any:
    """The same dicts and lists with clean texts."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        found = cast("dict[Any, Any]", value)
        return {cleaned(key): cleaned(inner) for key, inner in found.items()}
    if isinstance(value, list | tuple):
        return [cleaned(inner) for inner in cast("list[Any]", value)]
    return value
