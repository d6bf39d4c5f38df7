"""Bars and curves of characters. Where the terminal has no UTF-8, they are of ASCII."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.text import Text

from aliquot.tui import palette


class Characters(NamedTuple):
    """What bars and curves are drawn with."""

    parts: str  # of a cell, from none to all of it
    rest: str
    mark: str  # where the promise is
    levels: str  # of a column, from none to all of it
    line: str  # the promise in a curve


UNICODE = Characters(" ▏▎▍▌▋▊▉█", "·", "│", " ▁▂▃▄▅▆▇█", "┈")
ASCII = Characters(" #", ".", "|", " .:|#", "-")


class Pen:
    """Draws with one set of characters."""

    def __init__(self, *, utf8: bool = True) -> None:
        """With blocks, or where there is no UTF-8 with ASCII."""
        self.characters = UNICODE if utf8 else ASCII

    def bar(
        self,
        share: float | None,
        width: int,
        *,
        mark: float | None = None,
        style: str = palette.HAVING,
    ) -> Text:
        """A bar of `share` (0 to 1) with a mark at `mark`; None draws what isn't known."""
        if width <= 0:
            return Text()
        if share is None:
            return Text.assemble(("?".ljust(width), palette.QUIET))
        drawn = self.characters
        steps = len(drawn.parts) - 1
        filled = round(min(max(share, 0.0), 1.0) * width * steps)
        whole, part = divmod(filled, steps)
        cells = drawn.parts[-1] * whole + (drawn.parts[part] if part else "")
        # In a chosen row, which is drawn in reverse, a bar that is not stays a bar.
        upright, quiet = f"not reverse {style}", f"not reverse {palette.QUIET}"
        text = Text.assemble((cells, upright), (drawn.rest * (width - len(cells)), quiet))
        if mark:
            place = min(width - 1, int(mark * width))
            # Within the bar the mark is cut out of it, so that it is seen in either place.
            text = Text.assemble(
                text[:place],
                (drawn.mark, f"reverse {style}" if place < whole else "not reverse bold"),
                text[place + 1 :],
            )
        return text

    def curve(
        self,
        values: Sequence[float],
        width: int,
        height: int,
        *,
        most: float = 100.0,
        mark: float | None = None,
        style: str = palette.HAVING,
    ) -> list[Text]:
        """The newest values, the last at the right, in rows from the top; a line at `mark`."""
        drawn = self.characters
        steps = len(drawn.levels) - 1
        shown = list(values)[-width:] if width > 0 else []
        # What is there at all is seen.
        heights = [
            max(1, round(min(value / most, 1.0) * height * steps)) if value > 0 else 0
            for value in shown
        ]
        marked = None
        if mark:
            marked = min(height - 1, int(mark / most * height))
        rows: list[Text] = []
        for row in range(height - 1, -1, -1):
            empty = drawn.line if row == marked else " "
            line = Text.assemble((empty * (width - len(shown)), palette.QUIET))
            for filled in heights:
                level = min(max(filled - row * steps, 0), steps)
                if level:
                    line.append(drawn.levels[level], style)
                else:
                    line.append(empty, palette.QUIET)
            rows.append(line)
        return rows
