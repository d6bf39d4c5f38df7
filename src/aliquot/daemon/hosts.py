"""The device hosts of this node: found, started when needed, and asked one question at a time.

A client of a device host is not for several threads, so each device has a connection and a lock.
A device host ends soon after its last vGPU, and our connection alone would keep it: so the
connection is closed where there is nothing to hold.

One that hangs holds up one question, and nobody else: while it is silent whoever asks it is told so
at once, but for one at a time, who finds out whether it answers again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from typing import TypeVar

from aliquot import runtime_directory
from aliquot.client.connection import ANSWER_SECONDS, Connection, Silent
from aliquot.client.device_host import DeviceHost
from aliquot.devices.report import device_report
from aliquot.errors import DeviceHostUnreachable, DeviceNotOffered, NoDriver
from aliquot.model.device import Device
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

T = TypeVar("T")
# After so long without an answer nobody else waits for the device host.
_SILENCE_SECONDS = 2.0
_LOOK_SECONDS = 0.1


class NotRunning(DeviceHostUnreachable):
    """No device host of the device runs, so there is none of its vGPUs either."""


Start = Callable[[Device], DeviceHost]
Join = Callable[[str, float], DeviceHost | None]


def _join(uuid: str, patience: float) -> DeviceHost | None:
    """The device host that runs, or None where it is certain that none does.

    One that doesn't answer still has its vGPUs: that raises DeviceHostUnreachable. `patience` in
    seconds holds for each answer.
    """
    path = runtime_directory.control_socket(runtime_directory.path(), uuid)
    try:
        connection = Connection.open(path, patience)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except OSError as error:
        raise DeviceHostUnreachable(f"{path!r} can't be reached ({error.strerror})") from error
    try:
        return DeviceHost(connection)
    except BaseException:
        connection.close()
        raise


def _running() -> list[str]:
    return [uuid for uuid, _ in runtime_directory.device_hosts()]


class Hosts:
    """Connections to device hosts, by the UUID of the device."""

    def __init__(
        self,
        start: Start = DeviceHost.start_or_join,
        join: Join = _join,
        running: Callable[[], list[str]] = _running,
        report: Callable[[Device], bytes] = device_report,
    ) -> None:
        """Nothing is connected before the first question. Tests bring their own device hosts."""
        self._start = start
        self._join = join
        self._running = running
        self._report = report
        self._reports: dict[tuple[str, str], bytes] = {}  # by device and its driver's version
        self._offers: dict[str, Device] = {}
        self._partitions: dict[str, Device] = {}
        self._links: dict[str, _Link] = {}
        self._lock = threading.Lock()
        self._ended = False

    def know(self, offers: Iterable[Device]) -> None:
        """What OpenCL drivers offer by now: these devices can have a device host."""
        self._offers = {offer.uuid: offer for offer in offers}

    def know_partition(self, offer: Device) -> None:
        """What a partition is to programs, until it is forgotten."""
        self._partitions[offer.uuid] = offer

    def forget_partition(self, uuid: str) -> None:
        """There is no such partition any more."""
        self._partitions.pop(uuid, None)

    def offer(self, uuid: str) -> Device | None:
        """The device as its driver offers it, or None where none does."""
        return self._offers.get(uuid) or self._partitions.get(uuid)

    def reports(self) -> list[bytes]:
        """What programs would be told of each device, for vGPUs that shall move among them.

        A device whose driver doesn't tell is left out: nothing moves there.
        """
        found: list[bytes] = []
        for offer in self._offers.values():
            with suppress(NoDriver):
                if (offer.uuid, offer.driver_version) not in self._reports:
                    self._reports[offer.uuid, offer.driver_version] = self._report(offer)
                found.append(self._reports[offer.uuid, offer.driver_version])
        return found

    def running(self) -> list[str]:
        """The devices whose hosts may be running."""
        return self._running()

    def ask(self, uuid: str, question: Callable[[DeviceHost], T], *, start: bool = True) -> T:
        """The answer to a question that may be asked twice: the host may die in between.

        Starts the host where none runs or, without `start`, raises NotRunning.
        """
        link = self._link(uuid)
        with link.alone():
            while True:
                fresh = link.host is None
                try:
                    host = link.host = link.host or self._open(uuid, start)
                    with link.asking(host):
                        return question(host)
                except DeviceHostUnreachable as error:
                    link.close()
                    # One that hung up may have been replaced; one that is silent has not.
                    if fresh or self._ended or isinstance(error, Silent):
                        link.silent = isinstance(error, Silent)
                        raise

    def ask_apart(self, uuid: str, question: Callable[[DeviceHost], T], *, soon: bool = False) -> T:
        """The answer over a connection of its own, asked once: others needn't wait for it.

        With `soon` it needs no work: who is silent is found to be so soon, by all who ask, and no
        host is started (NotRunning).
        """
        link = self._link(uuid)
        if link.is_silent:
            raise link.silence()
        try:
            host = self._open(uuid, not soon, _SILENCE_SECONDS if soon else ANSWER_SECONDS)
        except Silent:
            link.silent = True
            raise
        try:
            with link.asking_apart(host):
                return question(host)
        except Silent:
            # Work may take long, and that of a move is of two device hosts.
            link.silent = link.silent or soon
            raise
        finally:
            host.close()

    def let_go(self, uuid: str) -> None:
        """Close the connection, so that a device host without vGPUs can end."""
        link = self._link(uuid)
        with suppress(Silent), link.alone():
            link.close()

    def interrupt(self) -> None:
        """End all questions that are not answered yet, and ask none from now on."""
        self._ended = True
        with self._lock:
            links = list(self._links.values())
        for link in links:
            link.interrupt()

    def close(self) -> None:
        """Close all connections; the device hosts go on."""
        self.interrupt()
        for link in self._links.values():
            with link.lock:
                link.close()

    def _open(self, uuid: str, start: bool, patience: float = ANSWER_SECONDS) -> DeviceHost:
        if self._ended:
            raise DeviceHostUnreachable("the daemon ends")
        if not start:
            joined = self._join(uuid, patience)
            if joined is None:
                raise refusal(NotRunning, Why.NO_DEVICE_HOST, uuid=uuid)
            return joined
        offer = self.offer(uuid)
        if offer is None:
            # Its driver may be gone; the device host needs none.
            joined = self._join(uuid, patience)
            if joined is not None:
                return joined
            raise refusal(DeviceNotOffered, Why.NOT_OFFERED, uuid=uuid)
        return self._start(offer)

    def _link(self, uuid: str) -> _Link:
        with self._lock:
            return self._links.setdefault(uuid, _Link())


class _Link:
    """The way to one device host: a connection that is kept, and those that are asked apart."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.host: DeviceHost | None = None
        self.silent = False  # it didn't answer in time, and hasn't answered since
        self._asked = 0.0  # when what is asked now was asked; 0 where nothing is
        self._under_way: set[DeviceHost] = set()

    @property
    def is_silent(self) -> bool:
        """Whether it is no use to wait for it."""
        asked = self._asked
        return self.silent or (asked > 0 and time.monotonic() - asked > _SILENCE_SECONDS)

    def silence(self) -> Silent:
        """What who doesn't wait is told."""
        return Silent("the device host does not answer")

    @contextmanager
    def alone(self) -> Generator[None]:
        """Nobody else asks over the connection; raises Silent where it is no use to wait."""
        while not self.lock.acquire(timeout=_LOOK_SECONDS):
            if self.is_silent:
                raise self.silence()
        try:
            yield
        finally:
            self.lock.release()

    @contextmanager
    def asking(self, host: DeviceHost) -> Generator[None]:
        """While it is asked over the connection that is kept."""
        self._asked = time.monotonic()
        silent = False
        try:
            with self.asking_apart(host):
                yield
        except Silent:
            silent = True
            raise
        finally:
            self.silent, self._asked = silent, 0.0

    @contextmanager
    def asking_apart(self, host: DeviceHost) -> Generator[None]:
        """While it is asked over any connection: until then that can be interrupted."""
        self._under_way.add(host)
        try:
            yield
        finally:
            self._under_way.discard(host)

    def interrupt(self) -> None:
        """Let those who wait for an answer hear that there will be none."""
        for host in self._under_way.copy():
            host.interrupt()

    def close(self) -> None:
        """Forget the connection."""
        if self.host is not None:
            self.host.close()
            self.host = None
