"""`aliquot serve` as a process of its own, on a machine without drivers and with an inventory."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from aliquot.client.rest import Client
from aliquot.client.rest.address import Address
from tests.contract.api.services import INVENTORY
from tests.fakes.engine import link_engine
from tests.fakes.service import NODE

BEGIN_SECONDS = 30.0


class Daemon:
    """A daemon that has said that it is ready, or has ended."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        state: Path | None = None,
        extra: dict[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        wrapper: Sequence[str] = (),
    ) -> None:
        """Started with its sockets, state and log in `folder`."""
        self.folder = folder
        folder.mkdir(exist_ok=True)
        (folder / "sys").mkdir(exist_ok=True)
        (folder / "native").mkdir(exist_ok=True)
        link_engine(folder / "native")
        inventory = folder / "inventory.yaml"
        inventory.write_text(INVENTORY)
        self.socket_path = str(folder / "api.sock")
        environment = {
            **os.environ,
            "ALIQUOT_RUNTIME_DIR": str(folder),
            "ALIQUOT_STATE": str(state or folder / "state"),
            "ALIQUOT_SYSFS_ROOT": str(folder / "sys"),
            # Of native programs the placement engine alone is there: no driver is asked, and the
            # simulated devices are all there are.
            "ALIQUOT_NATIVE_DIR": str(folder / "native"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            **(extra or {}),
        }
        command = [sys.executable, "-m", "aliquot.cli", "serve", "--node", NODE]
        self.log = folder / "log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*wrapper, *command, "--inventory", str(inventory), *options],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=pass_fds,
            )
        assert self.process.stdout
        ready, _, _ = select.select([self.process.stdout], [], [], BEGIN_SECONDS)
        assert ready, self.log.read_text()
        self.said = self.process.stdout.readline().decode()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.said.rsplit(":", 1)[1])

    def client(self) -> Client:
        """On its socket."""
        return Client(Address(self.socket_path))

    def end(self, number: int = signal.SIGTERM) -> int:
        """Its exit status, after a signal."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Its exit status."""
        status = self.process.wait(40)
        assert self.process.stdout
        self.process.stdout.close()
        return status


@contextlib.contextmanager
def running(folder: Path, *options: str, **more: object) -> Iterator[Daemon]:
    """A daemon, ended at last."""
    daemon = Daemon(folder, *options, **more)  # type: ignore[arg-type]
    try:
        yield daemon
    finally:
        if daemon.process.poll() is None:
            daemon.process.kill()
            daemon.wait()


def eventually(condition: object, seconds: float = 20.0) -> bool:
    """Whether something comes true in time."""
    assert callable(condition)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())
