"""A control connection to one device host: ask, and get the answer or the error."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress

from aliquot.client import records
from aliquot.client.records import Kind, P, Payload, Record
from aliquot.errors import (
    BY_NUMBER,
    BadRecord,
    DeviceHostError,
    DeviceHostUnreachable,
    InternalError,
    VersionMismatch,
    WorkerEnded,
)

ANSWER_SECONDS = 30.0


class Silent(DeviceHostUnreachable):
    """The device host is there, and didn't answer in time: to ask it again at once is no use."""


class Connection:
    """One SOCK_SEQPACKET connection; not for several threads at once."""

    def __init__(self, stream: socket.socket, timeout: float = ANSWER_SECONDS) -> None:
        """Take over a connected socket; `timeout` in seconds holds for each answer."""
        self._stream = stream
        self._sequence = 0
        self._timeout = timeout
        self._late_error: DeviceHostError | None = None
        self._wants_descriptor = False
        self._descriptor: int | None = None
        stream.settimeout(timeout)

    @classmethod
    def open(cls, path: str, timeout: float = ANSWER_SECONDS) -> Connection:
        """Connect to a control socket; raises OSError where nobody listens."""
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        try:
            stream.settimeout(timeout)
            stream.connect(path)
        except OSError:
            stream.close()
            raise
        return cls(stream, timeout)

    @property
    def patience(self) -> float:
        """For how many seconds an answer is waited for."""
        return self._timeout

    def close(self) -> None:
        """End the connection; what was created over it is released by the device host."""
        self._stream.close()

    def interrupt(self) -> None:
        """Let the thread that waits for an answer hear that there will be none; for any thread."""
        with suppress(OSError):
            self._stream.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def patient(self, seconds: float) -> Generator[None]:
        """Within it an answer may take so long."""
        before, self._timeout = self._timeout, seconds
        self._stream.settimeout(seconds)
        try:
            yield
        finally:
            self._timeout = before
            self._stream.settimeout(before)

    def ask_for_descriptor(self, kind: Kind, answer: Kind, payload: Payload | None = None) -> int:
        """Send a request whose answer comes with a descriptor; returns that, the caller's."""
        _, descriptor = self._ask_with_descriptor(kind, answer, payload)
        if descriptor is None:
            raise BadRecord(f"the device host answered {kind.name} without what goes with it")
        return descriptor

    def ask_with_memory(
        self, kind: Kind, answer: Kind, shape: type[P], payload: Payload
    ) -> tuple[P, int | None]:
        """Send a request whose answer may come with a descriptor; returns both, the caller's."""
        record, descriptor = self._ask_with_descriptor(kind, answer, payload)
        return records.payload_of(record, shape), descriptor

    def ask(
        self, kind: Kind, payload: Payload | None = None, descriptors: Sequence[int] = ()
    ) -> Record:
        """Send a request and return the first record of its answer; raises DeviceHostError.

        Copies of the descriptors go with it.
        """
        self._sequence += 1
        try:
            data = records.pack(kind, payload, sequence=self._sequence)
            if descriptors:
                socket.send_fds(self._stream, [data], list(descriptors))
            else:
                self._stream.send(data)
        except OSError as error:
            # A peer that says why before it hangs up is worth listening to.
            late = self.late_error()
            raise late or DeviceHostUnreachable(
                f"the device host hung up ({error.strerror})"
            ) from error
        return self.next_record()

    def ask_for(
        self,
        kind: Kind,
        answer: Kind,
        shape: type[P],
        payload: Payload | None = None,
        descriptors: Sequence[int] = (),
    ) -> P:
        """Send a request whose answer is one record of the kind `answer`."""
        record = self.ask(kind, payload, descriptors)
        if record.kind != answer:
            raise BadRecord(f"the device host answered {kind.name} with kind {record.kind}")
        return records.payload_of(record, shape)

    def _ask_with_descriptor(
        self, kind: Kind, answer: Kind, payload: Payload | None
    ) -> tuple[Record, int | None]:
        self._wants_descriptor = True
        try:
            record = self.ask(kind, payload)
        finally:
            self._wants_descriptor = False
            descriptor, self._descriptor = self._descriptor, None
        if record.kind == answer:
            return record, descriptor
        if descriptor is not None:
            os.close(descriptor)
        raise BadRecord(f"the device host answered {kind.name} with kind {record.kind}")

    def next_record(self) -> Record:
        """The next record that answers the last request."""
        while True:
            record = self._receive()
            if record.kind == Kind.ERROR:
                error = _error_of(record)
                if record.sequence not in (0, self._sequence):
                    continue  # again: the device host died when it had just sent it
                # Unasked: why a connection is refused, or that a worker ended.
                if record.sequence == self._sequence or not isinstance(error, WorkerEnded):
                    raise error
                self._late_error = error
            elif record.sequence == self._sequence:
                return record

    def late_error(self) -> DeviceHostError | None:
        """What the device host said unasked, say that the worker died; never waits."""
        if self._late_error is None:
            self._stream.setblocking(False)
            try:
                while self._late_error is None:
                    record = self._receive()
                    if record.kind == Kind.ERROR and record.sequence in (0, self._sequence):
                        self._late_error = _error_of(record)
            except (DeviceHostError, OSError):
                pass
            finally:
                self._stream.settimeout(self._timeout)
        return self._late_error

    def _receive_data(self) -> bytes:
        # Descriptors that nobody wants go with the record.
        if not self._wants_descriptor:
            return self._stream.recv(records.RECORD_SIZE + 1)
        data, descriptors, _, _ = socket.recv_fds(self._stream, records.RECORD_SIZE + 1, 1)
        for descriptor in descriptors:
            if self._descriptor is not None:
                os.close(self._descriptor)
            self._descriptor = descriptor
        return data

    def _receive(self) -> Record:
        try:
            data = self._receive_data()
        except TimeoutError as error:
            raise Silent(f"the device host did not answer within {self._timeout:g} s") from error
        except BlockingIOError:
            raise
        except OSError as error:
            raise DeviceHostUnreachable(f"the device host hung up ({error.strerror})") from error
        if not data:
            raise DeviceHostUnreachable("the device host hung up")
        try:
            record = records.unpack(data)
        except records.MalformedRecord as error:
            raise BadRecord(f"the device host sent {error}") from error
        if record.version != records.VERSION:
            raise VersionMismatch(
                f"the device host speaks protocol version {record.version} and this command "
                f"version {records.VERSION}"
            )
        return record


def _error_of(record: Record) -> DeviceHostError:
    told = records.payload_of(record, records.Error)
    kind = BY_NUMBER.get(told.code, InternalError)
    return kind(records.text_of(told.text).rstrip(" ."))
