"""uvicorn, with who the peer is, and with bounds on what one peer can hold."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from aliquot.api import problems
from aliquot.api.authentication import Peer
from aliquot.errors import BadRequest, TooManyConnections

MOST_HEADER_BYTES = 16 << 10
# Of one user of this machine, and of all that come over TCP.
MOST_CONNECTIONS = 512
# A request has to be there, and an answer to be taken, within this time.
_REQUEST_SECONDS = 20.0
_TAKE_SECONDS = 60.0
_KEEP_ALIVE_SECONDS = 30
_GRACE_SECONDS = 30
_TICK_SECONDS = 1.0
_CREDENTIALS = struct.Struct("iII")


class Protocol(H11Protocol):
    """An HTTP connection."""

    _open: ClassVar[Counter[int]] = Counter()  # by user, -1 for TCP

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Learn who it is, and turn away who has too many."""
        self._timer: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None
        peer = peer_of(transport.get_extra_info("socket"))
        self._whose = peer.user_id if peer else -1
        self._open[self._whose] += 1
        self.app_state = {**self.app_state, "peer": peer}
        super().connection_made(transport)
        if self._open[self._whose] > MOST_CONNECTIONS:
            error = TooManyConnections(f"there are {MOST_CONNECTIONS} connections of this user")
            self._refuse(problems.answer(error))
            return
        self._bound_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._open[self._whose] -= 1
        if self._open[self._whose] <= 0:
            del self._open[self._whose]
        self._unbound_request()
        self._unbound_taking()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As uvicorn; a request that has begun has to end in time."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self._bound_request()
        else:
            self._unbound_request()

    def on_response_complete(self) -> None:
        """As uvicorn, which bounds the silence until the next request."""
        self._unbound_request()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The peer doesn't take what we send: for a while that is its own affair."""
        super().pause_writing()
        self._taking = self.loop.call_later(_TAKE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It takes it again."""
        self._unbound_taking()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the same for all
        """What isn't HTTP gets an answer all the same, like all others."""
        self._refuse(problems.answer(BadRequest("that is not HTTP/1.1, or its head is too large")))

    def _refuse(self, answer: problems.Answer) -> None:
        # By hand: the state of a connection that was misused allows no answer.
        head = [f"HTTP/1.1 {answer.status} Refused"]
        head += [f"{name}: {value}" for name, value in answer.headers.items()]
        head += [f"Content-Length: {len(answer.body)}", "Connection: close", "", ""]
        self.transport.write("\r\n".join(head).encode("latin-1") + answer.body)
        self.transport.close()

    def _bound_request(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(_REQUEST_SECONDS, self._too_slow)

    def _too_slow(self) -> None:
        self._timer = None
        self.transport.abort()

    def _unbound_request(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _unbound_taking(self) -> None:
        if self._taking:
            self._taking.cancel()
            self._taking = None


class Server(uvicorn.Server):
    """uvicorn's server, whose signals are ours and which hardly wakes up when it is idle."""

    def __init__(
        self,
        app: Any,
        end_streams: Callable[[], Awaitable[None]],
        each_second: Callable[[], None],
    ) -> None:
        """Serve `app`; `end_streams` is called before it waits for requests to end."""
        super().__init__(
            uvicorn.Config(
                app,
                http=Protocol,
                ws="none",
                lifespan="off",
                loop="asyncio",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                h11_max_incomplete_event_size=MOST_HEADER_BYTES,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._end_streams = end_streams
        self._each_second = each_second
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Finish what was begun, then return from `serve`."""
        self.should_exit = True
        self._ending.set()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are handled by who runs us."""
        yield

    async def main_loop(self) -> None:
        """Tick once a second, for the date and the watchdog, until it is to end."""
        counter = 0
        while not await self.on_tick(counter * 10):
            self._each_second()
            counter += 1
            try:
                await asyncio.wait_for(self._ending.wait(), _TICK_SECONDS)
            except TimeoutError:
                continue

    async def shutdown(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Take no more, end streams, wait for the rest."""
        await self._end_streams()
        await super().shutdown(list(sockets or ()))


def peer_of(stream: Any) -> Peer | None:
    """Who is at the other end, where the kernel tells: a Unix socket's only."""
    if stream is None or stream.family != socket.AF_UNIX:
        return None
    told = stream.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return Peer(*_CREDENTIALS.unpack(told))
