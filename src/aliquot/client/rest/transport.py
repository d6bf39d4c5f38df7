"""The way to a daemon by http.client: over a Unix socket or TCP; connections are kept."""

from __future__ import annotations

import http.client
import select
import socket
import threading
import time
from typing import TypeVar

from aliquot.client.rest.address import Address
from aliquot.client.rest.exchange import MOST_ANSWER_BYTES, Call, read
from aliquot.errors import DaemonUnreachable, NotUnderstood

T = TypeVar("T")

CONNECT_SECONDS = 5.0
# Shorter than the daemon's own: a connection that it is about to close is not used again.
_KEEP_SECONDS = 10.0
_MOST_KEPT = 8
_TRIALS = 3
_PAUSE_SECONDS = 0.05


class Connection(http.client.HTTPConnection):
    """An HTTP connection to an address, which may be a path."""

    def __init__(self, address: Address, timeout: float) -> None:
        """Not yet connected; `timeout` in seconds holds for each read and write."""
        super().__init__(address.host or "localhost", address.port or None, timeout=timeout)
        self.address = address
        self.used_at = 0.0

    def connect(self) -> None:
        """Connect; raises OSError where nobody listens."""
        if not self.address.path:
            super().connect()
            return
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self.sock.settimeout(min(CONNECT_SECONDS, self.timeout or CONNECT_SECONDS))
            self.sock.connect(self.address.path)
            self.sock.settimeout(self.timeout)
        except BaseException:
            self.close()
            raise

    @property
    def is_usable(self) -> bool:
        """Whether the daemon hasn't hung up since the last answer, nor said anything unasked."""
        if self.sock is None or time.monotonic() - self.used_at > _KEEP_SECONDS:
            return False
        poll = select.poll()  # select() itself has no descriptors above 1023
        poll.register(self.sock, select.POLLIN)
        return not poll.poll(0)


class Transport:
    """Sends requests and reads their answers. Threads may share it."""

    def __init__(self, address: Address, token: str | None, timeout: float) -> None:
        """To `address`, with a token where one is needed; `timeout` in seconds."""
        self.address = address
        self.timeout = timeout
        self._authorization = {"Authorization": f"Bearer {token}"} if token else {}
        self._idle: list[Connection] = []
        self._lock = threading.Lock()

    def send(self, call: Call[T]) -> T:
        """The answer to a request; raises AliquotError."""
        trials = _TRIALS if call.may_be_repeated else 1
        for trial in range(trials):
            connection = self._take()
            try:
                response = self._ask(connection, call)
                body = _whole(response)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if trial + 1 == trials or isinstance(error, FileNotFoundError):
                    raise unreachable(self.address, error, self.timeout) from error
                time.sleep(_PAUSE_SECONDS * (trial + 1))
                continue
            except BaseException:
                connection.close()
                raise
            self._give_back(connection, response)
            content_type = response.getheader("Content-Type") or ""
            return read(call, response.status, content_type, body)
        raise AssertionError("unreachable")

    def open_stream(
        self, call: Call[T], timeout: float
    ) -> tuple[Connection, http.client.HTTPResponse]:
        """The answer as it comes, for the caller to read and to close."""
        connection = Connection(self.address, timeout)
        try:
            response = self._ask(connection, call)
            if response.status != 200:
                read(
                    call, response.status, response.getheader("Content-Type") or "", response.read()
                )
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise unreachable(self.address, error, timeout) from error
        except BaseException:
            connection.close()
            raise
        return connection, response

    def try_it(self) -> None:
        """Connect, and keep that for the first request; raises OSError where nobody listens."""
        connection = Connection(self.address, self.timeout)
        connection.connect()
        connection.used_at = time.monotonic()
        with self._lock:
            self._idle.append(connection)

    def close(self) -> None:
        """Close the connections that are kept."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _ask(self, connection: Connection, call: Call[T]) -> http.client.HTTPResponse:
        headers = {**call.headers, **self._authorization}
        connection.request(call.method, call.target, call.body, headers)
        return connection.getresponse()

    def _take(self) -> Connection:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return Connection(self.address, self.timeout)
            if connection.is_usable:
                return connection
            connection.close()

    def _give_back(self, connection: Connection, response: http.client.HTTPResponse) -> None:
        if response.will_close or connection.sock is None:
            connection.close()
            return
        connection.used_at = time.monotonic()
        with self._lock:
            if len(self._idle) < _MOST_KEPT:
                self._idle.append(connection)
                return
        connection.close()


def unreachable(address: Address, error: Exception, timeout: float) -> DaemonUnreachable:
    """What a failed exchange is told as."""
    if isinstance(error, TimeoutError):
        why = f"no answer within {timeout:g} s"
    elif isinstance(error, OSError):
        why = error.strerror or "the connection was lost"
    else:
        why = "it hung up within its answer"
    return DaemonUnreachable(f"the daemon at {address.shown} can't be reached: {why}")


def _whole(response: http.client.HTTPResponse) -> bytes:
    # http.client takes a head that was broken off for a whole one: without its length.
    if response.length is None and not response.chunked:
        raise http.client.IncompleteRead(b"")
    body = response.read(MOST_ANSWER_BYTES + 1)
    if len(body) > MOST_ANSWER_BYTES:
        raise NotUnderstood(f"the daemon's answer is longer than {MOST_ANSWER_BYTES} bytes")
    # Nor does it tell that a body was broken off, where it is asked for a number of bytes.
    if response.length:
        raise http.client.IncompleteRead(body, response.length)
    return body
