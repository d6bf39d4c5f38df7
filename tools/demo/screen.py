"""What is drawn live; plain lines, now and then, where standard output is no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

_BAR = 8
_PLAIN_SECONDS = 2.0
_FULL, _EMPTY = "━", "─"

Row = TypeVar("Row")


class Look(NamedTuple, Generic[Row]):
    """How rows of one kind are shown: live, and each as a line."""

    table: Callable[[Sequence[Row]], RenderableType]
    plain: Callable[[Row], str]


class Screen(Generic[Row]):
    """Shows rows until closed; a context manager."""

    def __init__(
        self, console: Console, title: str, look: Look[Row], *, lively: bool = True
    ) -> None:
        """Not `lively`: plain lines on a terminal, too."""
        self._console = console
        self._title = title
        self._look = look
        self._lively = lively and console.is_terminal
        self._live: Live | None = None
        self._next_plain = 0.0

    def __enter__(self) -> Screen[Row]:
        if self._lively:
            live = Live(console=self._console, refresh_per_second=12)
            live.start()
            self._live = live
        else:
            self._console.print(self._title)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, rows: Sequence[Row], *, last: bool = False) -> None:
        """Draws the rows as they are now; `last` also where there is no terminal."""
        if self._live is not None:
            table = Padding(self._look.table(rows), (1, 0, 1, 2))
            self._live.update(Group(Text(self._title, style="bold"), table))
        elif last or time.monotonic() >= self._next_plain:
            self._next_plain = time.monotonic() + _PLAIN_SECONDS
            for row in rows:
                self._console.print(self._look.plain(row), highlight=False, soft_wrap=True)


def bar(part: float, style: str, length: int = _BAR) -> Text:
    """A bar of which a part is full."""
    full = round(min(max(part, 0.0), 1.0) * length)
    return Text.assemble((_FULL * full, style), (_EMPTY * (length - full), "bright_black"))
