"""A daemon in a process of its own, that may be killed, and clients that ask it.

A call is pickled and sent over a socket: this is for what kills daemons; the API has its own tests.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, Self

from aliquot.daemon.caller import Caller
from aliquot.daemon.service import Service
from aliquot.errors import AliquotError
from aliquot.model.access_token import Role
from aliquot.store import Location

NODE = "here"
REPOSITORY = Path(__file__).parents[2]
START_SECONDS = 60.0
_OWNER = Caller(tenant="owner", role=Role.ADMIN, user_id=os.geteuid())


class Gone(Exception):
    """The daemon died before it answered: whether it has done what was asked isn't known."""


class Daemon:
    """Runs, is killed, and is started again on the same state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = str(folder / "calls.sock")
        self.lives = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.lives += 1
        # This package and, where that is wanted, a source tree that isn't installed.
        paths = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]).strip(":")
        with (self.folder / "daemon.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.system.serving", str(self.folder)],
                env=os.environ | {"PYTHONPATH": paths},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            try:
                Asking(self.socket).close()
                return
            except Gone:
                assert self._process.poll() is None, (self.folder / "daemon.log").read_text()
                time.sleep(0.02)
        raise AssertionError("the daemon did not start")

    def kill(self) -> None:
        """As by `kill -9`."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As an administrator stops it."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(START_SECONDS)


class _Part:
    """A part of the service, as `asking.vgpus`: its methods are asked of the daemon."""

    def __init__(self, asking: Asking, name: str) -> None:
        self._asking = asking
        self._name = name

    def __getattr__(self, method: str) -> Any:
        return lambda *more, **named: self._asking.call(self._name, method, more, named)


class Asking:
    """A client; raises what the daemon raised, or Gone."""

    def __init__(self, socket: str) -> None:
        try:
            self._connection: Connection = Client(socket, "AF_UNIX")
        except OSError as error:
            raise Gone from error
        self.vgpus, self.leases = _Part(self, "vgpus"), _Part(self, "leases")
        self.devices = _Part(self, "devices")

    def call(self, part: str, method: str, more: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """The answer."""
        try:
            self._connection.send((part, method, more, named))
            raised, answer = self._connection.recv()
        except (OSError, EOFError) as error:
            raise Gone from error
        if raised is not None:
            raise raised(answer)
        return answer

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _serve(service: Service, connection: Connection) -> None:
    while True:
        try:
            part, method, more, named = connection.recv()
        except (EOFError, OSError):
            return
        try:
            answer = (None, getattr(getattr(service, part), method)(_OWNER, *more, **named))
        except AliquotError as error:
            answer = (type(error), error.what)
        try:
            connection.send(answer)
        except OSError:
            return


def main(folder: Path) -> None:
    """The daemon."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with Service.open(Location(str(folder / "state")), NODE) as service:
        path = folder / "calls.sock"
        path.unlink(missing_ok=True)
        listener = Listener(str(path), "AF_UNIX", backlog=64)

        def accept() -> None:
            while True:
                connection = listener.accept()
                threading.Thread(target=_serve, args=(service, connection), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        ended.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
