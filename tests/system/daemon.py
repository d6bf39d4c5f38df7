"""A real `aliquot serve` of one test, with runtime directory, state and home of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from aliquot.client.rest import Client
from aliquot.client.rest.address import Address
from tests.folders import make_short_folder, remove_folder
from tools.programs.drivers import Driver

_START_SECONDS = 60.0


class Daemon:
    """A daemon and its sandbox; the command line in it finds this daemon and no other."""

    def __init__(
        self, drivers: Sequence[Driver], *options: str, for_all_users: bool = False
    ) -> None:
        """Of these drivers; `for_all_users`, other users of the machine can reach it, too."""
        # pytest's own directories have too long a path for sockets.
        self.folder = make_short_folder()
        self.options = options
        self.started: list[subprocess.Popen[str]] = []
        self._process: subprocess.Popen[str] | None = None
        for name in ("run", "home", "bin", "vendors", "work"):
            (self.folder / name).mkdir(mode=0o700)
        if for_all_users:
            for folder in (self.folder, self.folder / "run"):
                folder.chmod(0o711)
            for folder in (self.folder / "bin", self.folder / "vendors"):
                folder.chmod(0o755)
        for driver in drivers:
            (self.folder / "vendors" / f"{driver.name}.icd").write_text(driver.library + "\n")
        program = self.folder / "bin" / "aliquot"
        program.write_text(
            f'#!/bin/sh\nexec "${{PYTHON_OF_TEST:-{sys.executable}}}" -m aliquot.cli "$@"\n'
        )
        program.chmod(0o755)
        home = self.folder / "home"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ALIQUOT_API", "OCL_"))}
        self.environment = {
            **kept,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_DATA_HOME": str(home / ".local/share"),
            "ALIQUOT_RUNTIME_DIR": str(self.folder / "run"),
            "ALIQUOT_STATE": str(self.folder / "state"),
            "OCL_ICD_VENDORS": str(self.folder / "vendors"),
        }

    @property
    def work(self) -> Path:
        """Where commands are run."""
        return self.folder / "work"

    @property
    def log(self) -> str:
        """What the daemon has said."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with open(self.folder / "log", "a") as log:
            self._process = self.popen("serve", *self.options, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(Exception), self.client() as client:
                client.node.show()
                return
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def stop(self) -> int:
        """End it as a service manager does; its exit status."""
        assert self._process
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def kill(self) -> None:
        """End it as a fault does."""
        assert self._process
        self._process.kill()
        self._process.wait(60)

    def client(self) -> Client:
        """Asks this daemon."""
        return Client(Address(str(self.folder / "run" / "api.sock")))

    def run(self, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        """A command of the command line, to its end."""
        return self.shell([str(self.folder / "bin" / "aliquot"), *arguments], **options)

    def shell(self, command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        """Any command, to its end."""
        return subprocess.run(
            command,
            **{
                "env": self.environment,
                "cwd": self.work,
                "stdin": subprocess.DEVNULL,
                "capture_output": True,
                "text": True,
                "timeout": 180,
                "check": False,
                **options,
            },
        )

    def as_user(self, user: int) -> User:
        """Another user of this machine, with a home and a runtime directory of their own.

        Raises LookupError where they can't run this Python, nor one like it.
        """
        home = self.folder / f"user-{user}"
        home.mkdir()
        os.chown(home, user, user)
        return User(self, user, home)

    def popen(self, *arguments: str, **options: object) -> subprocess.Popen[str]:
        """A command of the command line that goes on."""
        process = subprocess.Popen(
            [str(self.folder / "bin" / "aliquot"), *arguments],
            **{
                "env": self.environment,
                "cwd": self.work,
                "stdin": subprocess.DEVNULL,
                "text": True,
                **options,
            },
        )
        self.started.append(process)
        return process

    def close(self) -> None:
        """End all that runs in the sandbox, and remove it."""
        with contextlib.suppress(Exception), self.client() as client:
            for vgpu in client.vgpus.list().items:
                client.vgpus.delete(vgpu.id)
        for process in self.started:
            if process.poll() is None:
                process.terminate()
        for process in self.started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
        for left in processes_of(self.folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)
        remove_folder(self.folder)


class User:
    """Who asks the daemon as another user of this machine."""

    def __init__(self, daemon: Daemon, user: int, home: Path) -> None:
        """Of this number."""
        self.number = user
        self._daemon = daemon
        self.options: dict[str, Any] = {
            "user": user,
            "group": user,
            "extra_groups": [],
            "cwd": home,
            "env": {
                **daemon.environment,
                "HOME": str(home),
                "XDG_CACHE_HOME": str(home / "cache"),
                "ALIQUOT_RUNTIME_DIR": str(home / "run"),
                "ALIQUOT_API": str(daemon.folder / "run" / "api.sock"),
                # A virtual environment's Python may lie in root's home; its packages don't.
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            },
        }
        self.executable = self._python_to_use()
        self.options["env"]["PYTHON_OF_TEST"] = self.executable

    def _python_to_use(self) -> str:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        for candidate in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
            with contextlib.suppress(OSError):
                command = [candidate, "-c", "import aliquot.cli, msgspec"]
                if self._daemon.shell(command, **self.options).returncode == 0:
                    return candidate
        raise LookupError(f"other users can't run {sys.executable}, nor is {version} in /usr/bin")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of the command line, to its end."""
        return self._daemon.run(*arguments, **self.options)

    def popen(self, *arguments: str, **options: object) -> subprocess.Popen[str]:
        """A command of the command line that goes on."""
        return self._daemon.popen(*arguments, **{**self.options, **options})

    def python(self, program: str, *arguments: str) -> str:
        """What a Python program prints."""
        done = self._daemon.shell([self.executable, "-c", program, *arguments], **self.options)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def processes_of(folder: Path) -> Iterator[int]:
    """Processes whose command line names something in a folder: device hosts, their workers."""
    needle = os.fsencode(folder)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if needle in (entry / "cmdline").read_bytes():
                    yield int(entry.name)
