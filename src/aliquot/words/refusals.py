"""Errors whose sentence is of the catalogue, so that pages tell it in their own language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from aliquot import words
from aliquot.errors import AliquotError
from aliquot.model.line import Line
from aliquot.model.why import Why, because

E = TypeVar("E", bound=AliquotError)


def refusal(kind: type[E], why: Why, **values: str | int | float) -> E:
    """An error of a kind that says why, with the values of that sentence."""
    return saying(kind, because(why, **values))


def saying(kind: type[E], *lines: Line, remedy: str | None = None) -> E:
    """An error of a kind that says these lines."""
    error = kind(words.english(*lines), remedy)
    error.lines = lines
    return error


def what_lines(error: AliquotError) -> list[Line]:
    """What happened, as lines; none where only its English sentence tells that."""
    if error.lines:
        return list(error.lines)
    return [title_line(error.code)] if error.what == type(error).title else []


def remedy_lines(error: AliquotError) -> list[Line]:
    """What to do, as lines; none where it isn't what is usual for such an error."""
    usual = error.remedy == type(error).remedy
    return [Line(key=f"remedy-{error.code}")] if usual and error.remedy else []


def title_line(code: str) -> Line:
    """What the errors of a code are about."""
    return Line(key=f"error-{code}")


def entries_of(kind: type[AliquotError]) -> Mapping[str, str]:
    """What the English catalogue has to say of a kind of errors."""
    return {f"error-{kind.code}": kind.title, f"remedy-{kind.code}": kind.remedy}
