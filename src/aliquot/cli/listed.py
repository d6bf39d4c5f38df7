"""What commands print of a list that the API told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def print_listed(
    word: str,
    items: Sequence[Item],
    nothing: str,
    headings: Sequence[str],
    row: Callable[[Item], Sequence[str]],
    *,
    as_json: bool,
    numbers: Collection[str] = (),
) -> None:
    """A table, `nothing` where it would be empty, or with `--json` the items under `word`.

    `numbers` are the headings of columns with numbers.
    """
    if as_json:
        from aliquot.cli.output import print_json

        print_json({word: items})
        return
    if not items:
        print(nothing)
        return
    from aliquot.cli.tables import Column, console, table

    columns = [Column(heading, right=heading in numbers) for heading in headings]
    console().print(table(columns, map(row, items)))
