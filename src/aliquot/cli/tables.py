"""Tables on the terminal. Text in cells is printed as it is, never read as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDTH_OF_FILES = 200


class Column(NamedTuple):
    """A column: its heading, and whether its cells are numbers."""

    heading: str
    right: bool = False


class Cell(NamedTuple):
    """A cell with a colour, which a file or pipe doesn't get."""

    text: str
    style: str


def console() -> Console:
    """The terminal as it is wide; a file or pipe gets lines that aren't cut."""
    found = Console(highlight=False, soft_wrap=False)
    return found if found.is_terminal else Console(highlight=False, width=_WIDTH_OF_FILES)


def table(columns: Sequence[Column], rows: Iterable[Sequence[str | Cell]]) -> Table:
    """A table without frames."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        made.add_column(
            column.heading,
            justify="right" if column.right else "left",
            overflow="fold",
            no_wrap=column.right,
        )
    for row in rows:
        made.add_row(
            *(Text(cell.text, cell.style) if isinstance(cell, Cell) else Text(cell) for cell in row)
        )
    return made
