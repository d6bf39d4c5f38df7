"""The client of the daemon, for programs without asyncio."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Iterator

from aliquot.client.rest import address as addresses
from aliquot.client.rest import resources
from aliquot.client.rest.address import Address
from aliquot.client.rest.events import LONGEST_LINE, SILENCE_SECONDS, Parser, watch_call
from aliquot.client.rest.transport import Transport, unreachable
from aliquot.errors import DaemonUnreachable
from aliquot.model.api.node import EventResource

# Creating waits for a device host, and moving for bytes on a bus.
ANSWER_SECONDS = 60.0
SHORTEST_PAUSE = 0.1
LONGEST_PAUSE = 5.0


class Client:
    """A daemon. Threads may share it; connections are made as they are needed, and kept."""

    def __init__(
        self, address: Address, *, token: str | None = None, timeout: float = ANSWER_SECONDS
    ) -> None:
        """The daemon at `address`, which need not run yet; `timeout` in seconds for an answer."""
        self.address = address
        self.token = token
        self.transport = Transport(address, token, timeout)
        send = self.transport.send
        self.vgpus = resources.Vgpus(send)
        self.vms = resources.Vms(send)
        self.leases = resources.Leases(send)
        self.devices = resources.Devices(send)
        self.diagram = resources.Diagram(send)
        self.groups = resources.Groups(send)
        self.queue = resources.Queue(send)
        self.receipts = resources.Receipts(send)
        self.profiles = resources.Profiles(send)
        self.tokens = resources.Tokens(send)
        self.audit = resources.Audit(send)
        self.events = resources.Events(send)
        self.node = resources.Node(send)

    @classmethod
    def connect(cls, *, timeout: float = ANSWER_SECONDS) -> Client | None:
        """The daemon that ALIQUOT_API names, else the user's own, else the machine's.

        None where none listens; raises DaemonUnreachable where the one that is named doesn't,
        BadApiAddress, BadTokenFile.
        """
        from aliquot import environment

        named = environment.API.get() is not None
        for address in addresses.candidates():
            if address.path and not named and not addresses.is_trustworthy(address.path):
                continue
            token = addresses.token() if address.port else None
            client = cls(address, token=token, timeout=timeout)
            try:
                client.transport.try_it()
            except OSError as error:
                if named:
                    raise unreachable(address, error, timeout) from error
                continue
            return client
        return None

    def close(self) -> None:
        """Close the connections that are kept."""
        self.transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def watch(self, since: int | None = None) -> Iterator[EventResource]:
        """Events as they happen, each once, from number `since` on or from now; never ends.

        A lost connection is made again from the last event. Raises EventsForgotten where that is
        too long ago: list again, and watch from the number that the list names. Closing the
        iterator ends it.
        """
        parser = Parser(since)
        pause = SHORTEST_PAUSE
        began = False
        while True:
            try:
                for event in self._stream(parser):
                    pause, began = SHORTEST_PAUSE, True
                    yield event
                began = True
            except DaemonUnreachable:
                # Who has never been there may not be a daemon at all.
                if not began and parser.sequence == since:
                    raise
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _stream(self, parser: Parser) -> Iterator[EventResource]:
        connection, response = self.transport.open_stream(
            watch_call(parser.sequence), SILENCE_SECONDS
        )
        with contextlib.closing(connection), contextlib.closing(response):
            while True:
                try:
                    line = response.readline(LONGEST_LINE)
                except (OSError, http.client.HTTPException) as error:
                    raise unreachable(self.address, error, SILENCE_SECONDS) from error
                if not line:
                    return
                event = parser.feed(line)
                if event is not None:
                    yield event
