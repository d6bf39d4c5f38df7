"""All pages of a list, one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item", covariant=True)


class Page(Protocol[Item]):
    """What the API lists."""

    @property
    def items(self) -> Sequence[Item]:
        """What is on this page."""
        ...

    @property
    def next(self) -> str | None:
        """The cursor of the page after it."""
        ...


def every(fetch: Callable[[str | None], Page[Item]]) -> Iterator[Item]:
    """The items of the first page, which `fetch` gets without a cursor, and of all after it."""
    cursor: str | None = None
    while True:
        page = fetch(cursor)
        yield from page.items
        cursor = page.next
        if cursor is None:
            return
