"""Runs the daemon: the service and its API, from the first socket to the last request."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from aliquot.api import listening
from aliquot.api.app import Api
from aliquot.api.authentication import Peers
from aliquot.api.listening import UnixListener
from aliquot.api.server import Server
from aliquot.api.systemd import Notifier, handed_over

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

_log = logging.getLogger("aliquot.serve")


class Settings(NamedTuple):
    """Where the API is offered, and to whom."""

    socket_path: str | None = None  # of our own, if not in the runtime directory
    listen: tuple[str, int] | None = None
    admin_group: str | None = None


class Sockets:
    """All that is listened on. A context manager."""

    def __init__(self, settings: Settings, environment: Mapping[str, str]) -> None:
        """Systemd's sockets where it hands some over, else our own; and the port, if wanted."""
        self._own: UnixListener | None = None
        self.listeners: list[socket.socket] = handed_over(os.getpid(), environment)
        self.address: str | None = None  # of the port
        self.shown = ["sockets of systemd"] if self.listeners else []
        try:
            if not self.listeners:
                path = settings.socket_path or os.path.join(listening.folder(), "api.sock")
                # Root's daemon serves every user, and an ordinary user's that user alone.
                self._own = UnixListener(path, for_all=os.geteuid() == 0)
                self.listeners.append(self._own.socket)
                self.shown.append(path)
            if settings.listen:
                tcp = listening.listen_tcp(*settings.listen)
                self.listeners.append(tcp)
                host, port = tcp.getsockname()[:2]
                self.address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
                self.shown.append(self.address)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Listen no more."""
        for listener in self.listeners:
            with contextlib.suppress(OSError):
                listener.close()
        if self._own:
            self._own.close()

    def __enter__(self) -> Sockets:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def run(
    settings: Settings,
    open_service: Callable[[], Service],
    environment: Mapping[str, str],
    told: Callable[[list[str]], None],
) -> None:
    """Serve until SIGTERM or SIGINT; `told` is called with the addresses once all is ready.

    Raises what keeps it from starting: StoreInUse, DaemonRunning, AddressInUse and others.
    """
    _raise_limit_of_files()
    notifier = Notifier(os.getpid(), environment)
    with Sockets(settings, environment) as sockets:
        service = open_service()
        service.invitations.address = sockets.address
        try:
            asyncio.run(_serve(service, settings, sockets, notifier, told))
        finally:
            notifier.tell("STOPPING=1")
            service.close()
    _log.info("ended")


async def _serve(
    service: Service,
    settings: Settings,
    sockets: Sockets,
    notifier: Notifier,
    told: Callable[[list[str]], None],
) -> None:
    loop = asyncio.get_running_loop()
    api = Api(service, Peers(settings.admin_group))
    ready = False

    def each_second() -> None:
        nonlocal ready
        if not ready:
            ready = True
            notifier.tell("READY=1", f"STATUS=listens on {', '.join(sockets.shown)}")
            told(sockets.shown)
        notifier.alive()

    server = Server(api, api.end_streams, each_second)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _end, server, notifier)
    loop.add_signal_handler(signal.SIGHUP, _look_again, service)
    await api.start()
    try:
        await server.serve(sockets.listeners)
    finally:
        await api.end_streams()
        api.close()


def _end(server: Server, notifier: Notifier) -> None:
    _log.info("ending: requests that were begun are finished, workers go on")
    notifier.tell("STOPPING=1")
    server.end()


def _look_again(service: Service) -> None:
    _log.info("asks drivers for their devices again")
    service.rediscover()


def _raise_limit_of_files() -> None:
    """Each watcher is a connection: as many as the machine allows us, without asking for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 1 << 16) if hard != resource.RLIM_INFINITY else 1 << 16
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
