"""A table that keeps its place: sorted by a column, with a chosen row, drawn line by line.

Only what changed is sent to the terminal, by textual's compositor; nothing is cleared first.
Textual's own DataTable can't let columns share the width that there is, nor drop some of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from aliquot.tui import palette
from aliquot.tui.strips import strip_of

R = TypeVar("R")


class Column(Generic[R]):
    """A column of a table."""

    def __init__(
        self,
        title: str,
        width: int,
        draw: Callable[[R, int], Text],
        order: Callable[[R], Any],
        *,
        grow: int = 0,
        most: int = 1000,
        right: bool = False,
        descending: bool = False,
        importance: int = 5,
    ) -> None:
        """`draw` fills a width, `order` is what is sorted by, the first time `descending` or not.

        `width` is the least; `grow` its part of what is left over, up to `most`. Where the
        terminal is too narrow, columns of less `importance` are dropped.
        """
        self.title = title
        self.width = width
        self.draw = draw
        self.order = order
        self.grow = grow
        self.most = most
        self.right = right
        self.descending = descending
        self.importance = importance


class Grid(ScrollView, Generic[R], can_focus=True):
    """Rows of one kind; `key` names a row for as long as it is there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("home", "move(-1000000)", show=False),
        Binding("end", "move(1000000)", show=False),
    ]

    class Chosen(Message):
        """Another row is chosen."""

        def __init__(self, grid: Grid[Any]) -> None:
            """In this grid."""
            super().__init__()
            self.grid = grid

        @property
        def control(self) -> Grid[Any]:
            """The grid."""
            return self.grid

    def __init__(
        self,
        columns: Sequence[Column[R]],
        key: Callable[[R], str],
        *,
        id: str,  # noqa: A002 - textual's name for it
        nothing: str,
        sort: int = 0,
    ) -> None:
        """An empty one; `nothing` is said where there are no rows."""
        super().__init__(id=id)
        self._columns = columns
        self._key = key
        self._nothing = nothing
        self._rows: list[R] = []
        self._chosen: str | None = None
        self.sort_column = sort
        self.descending = columns[sort].descending

    @property
    def rows(self) -> list[R]:
        """The rows in the order in which they are shown."""
        return self._rows

    @property
    def chosen(self) -> R | None:
        """The chosen row."""
        return next((row for row in self._rows if self._key(row) == self._chosen), None)

    @property
    def sorted_by(self) -> str:
        """The title of the column by which it is sorted."""
        return self._columns[self.sort_column].title

    def show(self, rows: Sequence[R]) -> None:
        """Show these rows; the chosen one stays chosen while it is there."""
        place = self._place()
        self._rows = self._sorted(rows)
        if self.chosen is None:
            there = min(place, len(self._rows) - 1)
            self._choose(self._rows[there] if there >= 0 else None)
        self._resize()
        self.refresh()

    def sort_by(self, column: int) -> None:
        """Sort by a column, or, by the same again, the other way round."""
        if column == self.sort_column:
            self.descending = not self.descending
        else:
            self.sort_column = column % len(self._columns)
            self.descending = self._columns[self.sort_column].descending
        self._rows = self._sorted(self._rows)
        self._show_chosen()
        self.refresh()

    def sort_next(self, step: int) -> None:
        """Sort by the next column that is shown, or the one before."""
        shown = [number for number, _, _ in self._layout()]
        place = shown.index(self.sort_column) if self.sort_column in shown else 0
        self.sort_by(shown[(place + step) % len(shown)])

    def choose_key(self, key: str) -> None:
        """Choose the row of this key, if it is there."""
        for row in self._rows:
            if self._key(row) == key:
                self._choose(row)
                self._show_chosen()
                self.refresh()

    def action_move(self, step: int) -> None:
        """Choose a row further down, or up."""
        if self._rows:
            place = min(max(self._place() + step, 0), len(self._rows) - 1)
            self._choose(self._rows[place])
            self._show_chosen()
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """On a title: sort by it. On a row: choose it."""
        if event.y == 0:
            for number, left, width in self._layout():
                if left <= event.x <= left + width:
                    self.sort_by(number)
                    return
            return
        place = event.y - 1 + self.scroll_offset.y
        if place < len(self._rows):
            self._choose(self._rows[place])
            self.refresh()

    def on_resize(self) -> None:
        """Columns follow the width."""
        self._resize()

    def on_focus(self) -> None:
        """The chosen row is drawn differently."""
        self.refresh()

    def on_blur(self) -> None:
        """The chosen row is drawn differently."""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """A line of what is seen: the titles, then rows."""
        width = self.scrollable_content_region.width
        if y == 0:
            return self._titles(width)
        place = y - 1 + self.scroll_offset.y
        if place >= len(self._rows):
            said = self._nothing if not self._rows and y == 1 else ""
            return strip_of(Text(said, palette.QUIET), width, self.rich_style)
        row = self._rows[place]
        line = Text()
        for number, left, size in self._layout():
            column = self._columns[number]
            line.append(" " * (left - cell_len(line.plain)))
            line.append_text(_fitted(column.draw(row, size), size, right=column.right))
        if self._key(row) != self._chosen:
            return strip_of(line, width, self.rich_style)
        # Who has the focus is seen without colour, too.
        style = palette.CHOSEN if self.has_focus else palette.HEADING
        return strip_of(line, width, self.rich_style, style)

    def _titles(self, width: int) -> Strip:
        line = Text()
        for number, left, size in self._layout():
            column = self._columns[number]
            line.append(" " * (left - cell_len(line.plain)))
            title = column.title
            if number == self.sort_column:
                title += "v" if self.descending else "^"
            line.append_text(_fitted(Text(title), size, right=column.right))
        return strip_of(line, width, self.rich_style, f"{palette.HEADING} underline")

    def _layout(self) -> list[tuple[int, int, int]]:
        """Of each column that is shown: its number, where it begins, how wide it is."""
        width = self.scrollable_content_region.width
        shown = list(range(len(self._columns)))
        while len(shown) > 1:
            needed = sum(self._columns[n].width for n in shown) + len(shown) - 1
            if needed <= width:
                break
            shown.remove(min(shown, key=lambda n: (self._columns[n].importance, -n)))
        widths = {n: self._columns[n].width for n in shown}
        spare = width - sum(widths.values()) - len(shown) + 1
        while spare > 0:
            growing = [
                n
                for n in shown
                for _ in range(self._columns[n].grow)
                if widths[n] < self._columns[n].most
            ]
            if not growing:
                break
            for number in growing[:spare]:
                widths[number] += 1
            spare -= len(growing[:spare])
        found: list[tuple[int, int, int]] = []
        left = 0
        for number in shown:
            found.append((number, left, widths[number]))
            left += widths[number] + 1
        return found

    def _sorted(self, rows: Sequence[R]) -> list[R]:
        order = self._columns[self.sort_column].order
        listed = sorted(rows, key=self._key)  # rows that are alike keep their order

        def place(row: R) -> tuple[bool, Any]:
            told = order(row)
            unknown = told is None
            return (unknown != self.descending, 0 if unknown else told)

        return sorted(listed, key=place, reverse=self.descending)

    def _place(self) -> int:
        for place, row in enumerate(self._rows):
            if self._key(row) == self._chosen:
                return place
        return 0

    def _choose(self, row: R | None) -> None:
        key = None if row is None else self._key(row)
        if key != self._chosen:
            self._chosen = key
            self.post_message(self.Chosen(self))

    def _resize(self) -> None:
        self.virtual_size = Size(0, len(self._rows) + 1)

    def _show_chosen(self) -> None:
        self.scroll_to_region(Region(0, self._place(), 1, 2), animate=False)


def words(text: str) -> str:
    """Text of others with what isn't printable taken out: it may be a tenant's."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _fitted(text: Text, width: int, *, right: bool) -> Text:
    fitted = text.copy()
    fitted.truncate(width)
    gap = width - cell_len(fitted.plain)
    if gap > 0:
        fitted = Text(" " * gap) + fitted if right else fitted + Text(" " * gap)
    return fitted
