"""The device hosts of this node: found, started when needed, and asked one question at a time.

A client of a device host is not for several threads, so each device has a connection and a lock.
A device host ends soon after its last vGPU, and our connection alone would keep it: so the
connection is closed where there is nothing to hold.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeVar

from aliquot import runtime_directory
from aliquot.client.connection import Connection
from aliquot.client.device_host import DeviceHost
from aliquot.devices.report import device_report
from aliquot.errors import DeviceHostUnreachable, DeviceNotOffered, NoDriver
from aliquot.model.device import Device

T = TypeVar("T")
_SILENCE_SECONDS = 1.0


class NotRunning(DeviceHostUnreachable):
    """No device host of the device runs, so there is none of its vGPUs either."""


Start = Callable[[Device], DeviceHost]
Join = Callable[[str], DeviceHost | None]


def _join(uuid: str) -> DeviceHost | None:
    """The device host that runs, or None where it is certain that none does.

    One that doesn't answer still has its vGPUs: that raises DeviceHostUnreachable.
    """
    path = runtime_directory.control_socket(runtime_directory.path(), uuid)
    try:
        connection = Connection.open(path)
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
        self._links: dict[str, _Link] = {}
        self._lock = threading.Lock()

    def know(self, offers: Iterable[Device]) -> None:
        """What OpenCL drivers offer by now: these devices can have a device host."""
        self._offers = {offer.uuid: offer for offer in offers}

    def offer(self, uuid: str) -> Device | None:
        """The device as its driver offers it, or None where none does."""
        return self._offers.get(uuid)

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
        with link.lock:
            while True:
                fresh = link.host is None
                host = link.host = link.host or self._open(uuid, start)
                asked = time.monotonic()
                try:
                    return question(host)
                except DeviceHostUnreachable:
                    link.close()
                    # One that hung up may have been replaced; one that is silent has not.
                    if fresh or time.monotonic() - asked > _SILENCE_SECONDS:
                        raise

    def ask_apart(self, uuid: str, question: Callable[[DeviceHost], T], *, start: bool = True) -> T:
        """The answer over a connection of its own, asked once: others needn't wait for it."""
        host = self._open(uuid, start)
        try:
            return question(host)
        finally:
            host.close()

    def let_go(self, uuid: str) -> None:
        """Close the connection, so that a device host without vGPUs can end."""
        link = self._link(uuid)
        with link.lock:
            link.close()

    def close(self) -> None:
        """Close all connections; the device hosts go on."""
        with self._lock:
            links = list(self._links.values())
        for link in links:
            with link.lock:
                link.close()

    def _open(self, uuid: str, start: bool) -> DeviceHost:
        if not start:
            joined = self._join(uuid)
            if joined is None:
                raise NotRunning(f"no device host of device {uuid} runs")
            return joined
        offer = self._offers.get(uuid)
        if offer is None:
            joined = self._join(uuid)  # its driver may be gone; the device host needs none
            if joined is not None:
                return joined
            raise DeviceNotOffered(f"no OpenCL driver offers device {uuid}")
        return self._start(offer)

    def _link(self, uuid: str) -> _Link:
        with self._lock:
            return self._links.setdefault(uuid, _Link())


class _Link:
    """One device's connection."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.host: DeviceHost | None = None

    def close(self) -> None:
        """Forget the connection."""
        if self.host is not None:
            self.host.close()
            self.host = None
