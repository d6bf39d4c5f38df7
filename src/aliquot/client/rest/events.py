"""Server-sent events, line by line: the events, and the number to go on from."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from aliquot.client.rest.exchange import EVENT_STREAM, Call, call, from_problem
from aliquot.errors import NotUnderstood
from aliquot.model.api.common import Problem
from aliquot.model.api.node import EventResource

T = TypeVar("T")

# Longer than the daemon's keep-alive: silence of this length is a lost connection.
SILENCE_SECONDS = 45.0
LONGEST_LINE = 1 << 20


def watch_call(since: int | None) -> Call[EventResource]:
    """The request that watches from a number on, or from now."""
    asked = call("GET", "/watch", EventResource, query={"since": since})
    return asked._replace(headers={"Accept": EVENT_STREAM})


class Parser:
    """Takes lines of the stream; `sequence` is the last event that was seen, or passed over."""

    def __init__(self, sequence: int | None) -> None:
        """Watching began after `sequence`."""
        self.sequence = sequence
        self._kind = ""
        self._data: list[str] = []
        self._id: int | None = None

    def feed(self, line: bytes) -> EventResource | None:
        """An event, where this line completes one; raises the error that the daemon tells."""
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text:
            self._field(text)
            return None
        kind, data, identity = self._kind, "\n".join(self._data), self._id
        self._kind, self._data, self._id = "", [], None
        if kind == "problem":
            raise from_problem(_decoded(data, Problem))
        if identity is not None:
            if data and self.sequence is not None and identity <= self.sequence:
                return None  # seen already: the connection was lost in between
            self.sequence = identity
        return _decoded(data, EventResource) if data else None

    def _field(self, text: str) -> None:
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        elif name == "id" and value.isascii() and value.isdigit():
            self._id = int(value)


def _decoded(data: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise NotUnderstood("the daemon's events are not understood") from error
