"""A client of QEMU's machine protocol (QMP), as docs/interop/qmp-spec of QEMU has it.

One JSON object a line: a greeting, then `qmp_capabilities`, then commands with an `id` and their
answers, between which events may come. What QEMU says is checked and bounded: a VM's user may be
who answers. (PyPI's qemu.qmp is under the GPL and LGPL and asynchronous; this much is little.)
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import msgspec

from aliquot.errors import HypervisorMisspoke, HypervisorRefused, HypervisorUnreachable
from aliquot.leases.vm.naming import printable
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

MOST_LINE_BYTES = 4 << 20
GREETING_SECONDS = 5.0
COMMAND_SECONDS = 10.0
_MOST_EVENTS = 1024
_LONGEST_WORD = 100  # of what is kept of an event: names of ours are shorter
_PIECE_SECONDS = 0.1
_CREDENTIALS = struct.Struct("iII")
_NAME = "QEMU"

Answer = dict[str, Any]


class Event(NamedTuple):
    """What QEMU told without being asked: its name, and the id of the device that it is about."""

    name: str
    device: str | None


class QmpRefused(HypervisorRefused):
    """QEMU answered with an error; `kind` is its class, of which DeviceNotFound is told apart."""

    kind: str = ""


class Monitor:
    """A connection to a monitor. Threads may share it: one command at a time."""

    def __init__(self, path: str, *, greeting_seconds: float = GREETING_SECONDS) -> None:
        """Connect and agree on capabilities; raises HypervisorUnreachable, HypervisorMisspoke.

        A monitor has one client at a time: another one's commands are answered when that has gone.
        """
        self.path = path
        self.process_id = 0
        self.user_id = -1
        self._lock = threading.RLock()
        self._buffer = bytearray()
        self._scanned = 0
        self._number = 0
        self._events: deque[Event] = deque(maxlen=_MOST_EVENTS)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.closed = False
        try:
            self._connect(greeting_seconds)
        except BaseException:
            self.close()
            raise

    def _connect(self, seconds: float) -> None:
        try:
            self._socket.settimeout(seconds)
            self._socket.connect(self.path)
            raw = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except (OSError, ValueError) as error:  # a ValueError: no path at all
            raise _away(error) from error
        self.process_id, self.user_id, _ = _CREDENTIALS.unpack(raw)
        greeting = self._next(time.monotonic() + seconds, seconds)
        if not isinstance(greeting.get("QMP"), dict):
            raise _garbled("it doesn't greet as QMP does")
        self.execute("qmp_capabilities", seconds=seconds)

    def execute(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        seconds: float = COMMAND_SECONDS,
    ) -> Any:
        """What a command returns; raises QmpRefused with QEMU's own words."""
        with self._lock:
            self._number += 1
            number = f"aliquot-{self._number}"
            said: Answer = {"execute": command, "id": number}
            if arguments:
                said["arguments"] = dict(arguments)
            until = time.monotonic() + seconds
            self._send(msgspec.json.encode(said) + b"\n", until, seconds)
            while True:
                answer = self._next(until, seconds)
                if self._is_event(answer):
                    continue
                if "error" in answer and answer.get("id") in (number, None):
                    raise _refused(answer["error"])
                if "return" in answer and answer.get("id") == number:
                    return answer["return"]
                # An answer to a command that we gave up: it comes late, and is nobody's.
                if isinstance(answer.get("id"), str) and answer["id"].startswith("aliquot-"):
                    continue
                raise _garbled("an answer to what wasn't asked")

    def wait(self, enough: Callable[[Event], bool], seconds: float) -> bool:
        """Whether an event came within so many seconds that is enough; those before it are eaten.

        Who tells without end is listened to no longer. Raises HypervisorUnreachable where the
        connection ended.
        """
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            with self._lock:
                while self._events:
                    if enough(self._events.popleft()):
                        return True
                if left > 0 and self._readable(0):
                    answer = self._next(time.monotonic() + COMMAND_SECONDS, COMMAND_SECONDS)
                    self._is_event(answer)
                    continue
            if left <= 0:
                return False
            # Without the lock, so that who has a command to give needn't wait for an event. What
            # they read meanwhile, events and all, is looked at soon.
            self._readable(min(left, _PIECE_SECONDS))

    def close(self) -> None:
        """End the connection; the VM goes on."""
        self.closed = True
        self._socket.close()

    def _is_event(self, answer: Answer) -> bool:
        name = answer.get("event")
        if not isinstance(name, str):
            return False
        data = answer.get("data", {})
        if not isinstance(data, dict):
            raise _garbled("an event without data")
        device = cast("Answer", data).get("device")
        word = device[:_LONGEST_WORD] if isinstance(device, str) else None
        self._events.append(Event(name[:_LONGEST_WORD], word))
        return True

    def _send(self, data: bytes, until: float, seconds: float) -> None:
        try:
            self._socket.settimeout(max(0.01, until - time.monotonic()))
            self._socket.sendall(data)
        except OSError as error:
            self.close()
            raise (_silent(seconds) if isinstance(error, TimeoutError) else _away(error)) from error

    def _readable(self, seconds: float) -> bool:
        if self._buffer.find(b"\n", self._scanned) >= 0:
            return True
        if self.closed:
            raise _away(ConnectionError("the connection has ended"))
        try:
            poll = select.poll()  # select() itself has no descriptors above 1023
            poll.register(self._socket, select.POLLIN)
            return bool(poll.poll(1000 * seconds))
        except (OSError, ValueError) as error:  # another thread has closed it
            raise _away(ConnectionError("the connection has ended")) from error

    def _next(self, until: float, seconds: float) -> Answer:
        """The next object that QEMU sends."""
        try:
            return _object(self._line(until, seconds))
        except (HypervisorMisspoke, HypervisorUnreachable):
            self.close()  # what comes after it belongs to nothing
            raise

    def _line(self, until: float, seconds: float) -> bytes:
        while (end := self._buffer.find(b"\n", self._scanned)) < 0:
            self._scanned = len(self._buffer)
            if self._scanned > MOST_LINE_BYTES:
                raise _garbled("a line without end")
            left = until - time.monotonic()
            if left <= 0:
                raise _silent(seconds)
            try:
                self._socket.settimeout(left)
                got = self._socket.recv(65536)
            except TimeoutError as error:
                raise _silent(seconds) from error
            except OSError as error:
                raise _away(error) from error
            if not got:
                ended = ConnectionError("it ended the connection")
                raise _away(ended) from ended
            self._buffer += got
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._scanned = 0
        return line


def _object(line: bytes) -> Answer:
    try:
        answer: object = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise _garbled(str(error)) from error
    if not isinstance(answer, dict):
        raise _garbled("no object")
    return cast("Answer", answer)


def _refused(error: object) -> QmpRefused:
    told = cast("Answer", error) if isinstance(error, dict) else {}
    words = told.get("desc")
    found = refusal(
        QmpRefused, Why.HYPERVISOR_SAYS, hypervisor=_NAME, error=printable(words or "an error")
    )
    found.kind = str(told.get("class", ""))
    return found


def _away(error: Exception) -> HypervisorUnreachable:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return refusal(
        HypervisorUnreachable, Why.HYPERVISOR_AWAY, hypervisor=_NAME, error=printable(said)
    )


def _silent(seconds: float) -> HypervisorUnreachable:
    return refusal(HypervisorUnreachable, Why.HYPERVISOR_SILENT, hypervisor=_NAME, seconds=seconds)


def _garbled(what: str) -> HypervisorMisspoke:
    return refusal(
        HypervisorMisspoke, Why.HYPERVISOR_GARBLED, hypervisor=_NAME, error=printable(what)
    )
