"""The client of the daemon, for programs with asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aliquot.client.rest import async_resources as resources
from aliquot.client.rest.address import Address
from aliquot.client.rest.async_transport import AsyncTransport
from aliquot.client.rest.client import ANSWER_SECONDS, LONGEST_PAUSE, SHORTEST_PAUSE, Client
from aliquot.client.rest.events import LONGEST_LINE, SILENCE_SECONDS, Parser, watch_call
from aliquot.errors import DaemonUnreachable, NotUnderstood
from aliquot.model.api.node import EventResource


class AsyncClient:
    """A daemon. For one event loop; connections are made as they are needed, and kept."""

    def __init__(
        self, address: Address, *, token: str | None = None, timeout: float = ANSWER_SECONDS
    ) -> None:
        """The daemon at `address`, which need not run yet; `timeout` in seconds for an answer."""
        self.address = address
        self.transport = AsyncTransport(address, token, timeout)
        send = self.transport.send
        self.vgpus = resources.AsyncVgpus(send)
        self.vms = resources.AsyncVms(send)
        self.leases = resources.AsyncLeases(send)
        self.devices = resources.AsyncDevices(send)
        self.diagram = resources.AsyncDiagram(send)
        self.groups = resources.AsyncGroups(send)
        self.queue = resources.AsyncQueue(send)
        self.receipts = resources.AsyncReceipts(send)
        self.profiles = resources.AsyncProfiles(send)
        self.tokens = resources.AsyncTokens(send)
        self.audit = resources.AsyncAudit(send)
        self.events = resources.AsyncEvents(send)
        self.node = resources.AsyncNode(send)

    @classmethod
    async def connect(cls, *, timeout: float = ANSWER_SECONDS) -> AsyncClient | None:
        """The daemon that `Client.connect` would find; None where none listens."""
        found = await asyncio.to_thread(Client.connect, timeout=timeout)
        if found is None:
            return None
        found.close()
        return cls(found.address, token=found.token, timeout=timeout)

    async def close(self) -> None:
        """Close the connections that are kept."""
        self.transport.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def watch(self, since: int | None = None) -> AsyncIterator[EventResource]:
        """Events as they happen, as `Client.watch` has them."""
        parser = Parser(since)
        pause = SHORTEST_PAUSE
        began = False
        while True:
            try:
                async for event in self._stream(parser):
                    pause, began = SHORTEST_PAUSE, True
                    yield event
                began = True
            except DaemonUnreachable:
                if not began and parser.sequence == since:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _stream(self, parser: Parser) -> AsyncIterator[EventResource]:
        request = watch_call(parser.sequence)
        async with self.transport.stream(request, SILENCE_SECONDS) as chunks:
            rest = b""
            async for chunk in chunks:
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = parser.feed(line)
                    if event is not None:
                        yield event
                if len(rest) > LONGEST_LINE:
                    raise NotUnderstood("a line of the daemon's events is too long")
