"""A daemon of the benchmark's own: in a temporary folder, apart from whatever else runs here."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from aliquot import environment, native_programs
from aliquot.client.rest import Client
from aliquot.client.rest.address import Address
from aliquot.errors import BenchmarkFailed

NODE = "bench"
_INVENTORY = f"""\
version: 1
nodes:
  - name: {NODE}
    devices:
      - {{id: bench-0, name: Simulated GPU, memory: 4096GiB}}
"""
_BEGIN_SECONDS = 60.0
_END_SECONDS = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Daemon:
    """A daemon that listens. `variables` is the environment of who is to find it."""

    def __init__(self, process: subprocess.Popen[bytes], variables: Mapping[str, str]) -> None:
        """Of a process that has said that it is ready."""
        self.process = process
        self.variables = dict(variables)

    @property
    def address(self) -> Address:
        """Where its API is."""
        return Address(os.path.join(self.variables[environment.RUNTIME_DIR.name], "api.sock"))

    def client(self) -> Client:
        """A client of it."""
        return Client(self.address)

    def processor_seconds(self) -> float:
        """What it has had of the processors."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident_mb(self) -> float:
        """The memory that it has, in MiB."""
        lines = (line.split() for line in self._proc("status").splitlines())
        return next(int(words[1]) for words in lines if words[0] == "VmRSS:") / 1024

    def _proc(self, name: str) -> str:
        with open(f"/proc/{self.process.pid}/{name}", encoding="utf-8") as file:
            return file.read()


@contextmanager
def running(*, simulated: bool) -> Generator[Daemon]:
    """A daemon with a simulated device alone, or with this machine's; ended at last."""
    # Short, as paths of sockets have to be.
    with tempfile.TemporaryDirectory(prefix="aliquot-bench-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o711 if os.geteuid() == 0 else 0o700)
        variables = apart(folder)
        options = ["--node", NODE]
        if simulated:
            inventory = os.path.join(folder, "inventory.yaml")
            with open(inventory, "w", encoding="utf-8") as file:
                file.write(_INVENTORY)
            options += ["--inventory", inventory]
            # Without a worker no driver is asked, and without a tree no card is seen.
            variables[environment.NATIVE_DIR.name] = _engine_alone(folder)
            variables[environment.SYSFS_ROOT.name] = os.path.join(folder, "nothing")
        with open(os.path.join(folder, "log"), "w+b") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "aliquot.cli", "serve", *options],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
            try:
                _wait_until_ready(process, log.name)
                yield Daemon(process, variables)
            finally:
                _end(process)
                _wait_for_device_hosts(folder)


def _engine_alone(folder: str) -> str:
    """A folder of native programs with the placement engine and nothing else."""
    native = os.path.join(folder, "native")
    os.mkdir(native)
    engine = native_programs.find(native_programs.PLACEMENT)
    os.symlink(engine, os.path.join(native, native_programs.PLACEMENT))
    return native


def apart(folder: str) -> dict[str, str]:
    """This environment, in which runtime directory and state are in `folder`."""
    variables = dict(os.environ)
    variables.pop(environment.API.name, None)
    variables[environment.RUNTIME_DIR.name] = folder
    variables[environment.STATE.name] = os.path.join(folder, "state")
    return variables


def _wait_until_ready(process: subprocess.Popen[bytes], log: str) -> None:
    assert process.stdout
    ready, _, _ = select.select([process.stdout], [], [], _BEGIN_SECONDS)
    if not ready or not process.stdout.readline():
        with open(log, encoding="utf-8", errors="replace") as file:
            last = file.read().strip().rpartition("\n")[2]
        raise BenchmarkFailed(
            f"the daemon that is measured did not start: {last or 'it is silent'}"
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


def _wait_for_device_hosts(folder: str) -> None:
    """They end by themselves, soon after their last vGPU, and remove their sockets."""
    until = time.monotonic() + _END_SECONDS
    while time.monotonic() < until:
        with os.scandir(folder) as entries:
            if not any(os.path.exists(os.path.join(e.path, "control.sock")) for e in entries):
                return
        time.sleep(0.05)
