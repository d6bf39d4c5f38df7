"""The events that are kept: all after a number, or the newest of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aliquot.errors import EventsForgotten

if TYPE_CHECKING:
    from aliquot.client.rest import Client
    from aliquot.model.api.node import EventResource

_PAGE = 500
_FIRST_WINDOW = 64


def after(client: Client, sequence: int) -> tuple[list[EventResource], int]:
    """The events after a number, and the number to go on from; raises EventsForgotten."""
    found: list[EventResource] = []
    while True:
        page = client.events.since(sequence, limit=_PAGE)
        found += page.items
        if len(page.items) < _PAGE:
            return found, max(sequence, page.sequence)
        sequence = page.items[-1].sequence


def newest(client: Client, limit: int) -> tuple[list[EventResource], int]:
    """The newest events, and the number to go on from.

    Numbers are given to all events, and a caller sees its own: how far back `limit` of them reach
    is found by looking twice as far each time.
    """
    sequence = client.node.show().sequence
    window = max(limit, _FIRST_WINDOW)
    found: list[EventResource] = []
    shrinking = False
    while limit:
        begin = max(0, sequence - window)
        try:
            found, sequence = after(client, begin)
        except EventsForgotten:
            if found or not window:  # so far back nothing is kept
                break
            shrinking, window = True, window // 2
            continue
        if shrinking or len(found) >= limit or not begin:
            break
        window *= 2
    return (found[-limit:] if limit else []), sequence
