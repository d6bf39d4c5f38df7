"""The way to a daemon by asyncio and h11: over a Unix socket or TCP."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

import h11

from aliquot.client.rest.address import Address
from aliquot.client.rest.exchange import MOST_ANSWER_BYTES, Call, read
from aliquot.client.rest.transport import CONNECT_SECONDS, unreachable
from aliquot.errors import DaemonUnreachable, NotUnderstood

T = TypeVar("T")

_CHUNK = 64 << 10
_KEEP_SECONDS = 10.0
_MOST_KEPT = 8
_TRIALS = 3
_PAUSE_SECONDS = 0.05
_FAILURES = (OSError, EOFError, h11.ProtocolError, TimeoutError)


class Response:
    """An answer whose body is yet to be read."""

    def __init__(self, connection: Connection, response: h11.Response, timeout: float) -> None:
        """Of a connection that has just read the head of it."""
        self.status = response.status_code
        self.content_type = ""
        for name, value in response.headers:
            if name == b"content-type":
                self.content_type = value.decode("latin-1")
        self._connection = connection
        self._timeout = timeout

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, as it comes."""
        while True:
            event = await self._connection.next_event(self._timeout)
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return

    async def whole(self) -> bytes:
        """All of the body."""
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            if len(body) > MOST_ANSWER_BYTES:
                text = f"the daemon's answer is longer than {MOST_ANSWER_BYTES} bytes"
                raise NotUnderstood(text)
        return bytes(body)


class Connection:
    """An HTTP connection; one exchange after another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """On an open stream."""
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)
        self.used_at = time.monotonic()

    @classmethod
    async def open(cls, address: Address) -> Connection:
        """Connect; raises OSError or TimeoutError."""
        opening = (
            asyncio.open_unix_connection(address.path)
            if address.path
            else asyncio.open_connection(address.host, address.port)
        )
        return cls(*await asyncio.wait_for(opening, CONNECT_SECONDS))

    async def ask(self, call: Call[T], headers: dict[str, str], timeout: float) -> Response:
        """Send a request and read the head of its answer."""
        body = call.body or b""
        lengths = {"Host": "localhost", "Content-Length": str(len(body))}
        request = h11.Request(
            method=call.method,
            target=call.target,
            headers=list({**call.headers, **headers, **lengths}.items()),
        )
        sent = (request, h11.Data(data=body), h11.EndOfMessage())
        self._writer.write(b"".join(self._http.send(event) or b"" for event in sent))
        await self._writer.drain()
        while True:
            event = await self.next_event(timeout)
            if isinstance(event, h11.Response):
                return Response(self, event, timeout)

    async def next_event(self, timeout: float) -> h11.Event:
        """What comes next of an answer."""
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                data = await asyncio.wait_for(self._reader.read(_CHUNK), timeout)
                self._http.receive_data(data)
            elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                raise EOFError
            else:
                assert isinstance(event, h11.Event)
                return event

    def next_cycle(self) -> bool:
        """Make ready for another exchange; False where there can't be one."""
        with contextlib.suppress(h11.LocalProtocolError):
            self._http.start_next_cycle()
            self.used_at = time.monotonic()
            return True
        return False

    @property
    def is_usable(self) -> bool:
        """Whether the daemon hasn't hung up since the last answer."""
        return not self._reader.at_eof() and time.monotonic() - self.used_at <= _KEEP_SECONDS

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


class AsyncTransport:
    """Sends requests and reads their answers, in one event loop."""

    def __init__(self, address: Address, token: str | None, timeout: float) -> None:
        """To `address`, with a token where one is needed; `timeout` in seconds."""
        self.address = address
        self.timeout = timeout
        self._authorization = {"Authorization": f"Bearer {token}"} if token else {}
        self._idle: list[Connection] = []

    async def send(self, call: Call[T]) -> T:
        """The answer to a request; raises AliquotError."""
        trials = _TRIALS if call.may_be_repeated else 1
        for trial in range(trials):
            connection: Connection | None = None
            try:
                connection = await self._take()
                response = await connection.ask(call, self._authorization, self.timeout)
                body = await response.whole()
            except _FAILURES as error:
                if connection:
                    connection.close()
                if trial + 1 == trials or isinstance(error, FileNotFoundError):
                    raise self._unreachable(error) from error
                await asyncio.sleep(_PAUSE_SECONDS * (trial + 1))
                continue
            except BaseException:
                if connection:
                    connection.close()
                raise
            self._give_back(connection)
            return read(call, response.status, response.content_type, body)
        raise AssertionError("unreachable")

    @contextlib.asynccontextmanager
    async def stream(self, call: Call[T], timeout: float) -> AsyncGenerator[AsyncIterator[bytes]]:
        """The body of an answer as it comes; raises AliquotError."""
        connection: Connection | None = None
        try:
            connection = await Connection.open(self.address)
            response = await connection.ask(call, self._authorization, timeout)
            if response.status != 200:
                read(call, response.status, response.content_type, await response.whole())
            yield response.chunks()
        except _FAILURES as error:
            raise self._unreachable(error) from error
        finally:
            if connection:
                connection.close()

    def close(self) -> None:
        """Close the connections that are kept."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    async def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
            connection.close()
        return await Connection.open(self.address)

    def _give_back(self, connection: Connection) -> None:
        if connection.next_cycle() and len(self._idle) < _MOST_KEPT:
            self._idle.append(connection)
        else:
            connection.close()

    def _unreachable(self, error: Exception) -> DaemonUnreachable:
        return unreachable(self.address, error, self.timeout)
