"""An installation of fakes in a temporary directory, and the command line run in it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.fakes import worker
from tests.fakes.engine import link_engine
from tests.folders import make_short_folder, remove_folder

ROOT = Path(__file__).resolve().parents[2]


def _restore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class FakeInstallation:
    """Native programs, drivers, cache and runtime directory of one test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.native = directory / "native"
        self.vendors = directory / "vendors"
        # pytest's own directories have too long a path for sockets.
        self.runtime = make_short_folder()
        self.native.mkdir()
        self.vendors.mkdir()
        self.probes: dict[str, object] = {}
        self.started: list[subprocess.Popen[str]] = []
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "XDG_CACHE_HOME": str(directory / "cache"),
            "ALIQUOT_RUNTIME_DIR": str(self.runtime),
            "ALIQUOT_NATIVE_DIR": str(self.native),
            "ALIQUOT_STATE": str(directory / "state"),
            "OCL_ICD_VENDORS": str(self.vendors),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
            # Not this machine's: a test must not depend on the GPUs that are here.
            "ALIQUOT_SYSFS_ROOT": str(directory / "sys"),
            "FAKE_PROBE_LOG": str(directory / "probes"),
        }
        self.program("aliquot-worker", "worker")
        self.program("aliquot-device", "device_host")
        (self.native / "libaliquot-opencl.so").write_bytes(b"")
        link_engine(self.native)

    def close(self) -> None:
        """End what still runs and remove what lies outside the test's own directory."""
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                process.wait(60)
        remove_folder(self.runtime)

    def program(self, name: str, module: str) -> None:
        """Put one of the fakes in place of a native program."""
        path = self.native / name
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tests.fakes.{module} "$@"\n')
        path.chmod(0o755)

    def driver(self, name: str, told: object = None) -> Path:
        """Install a driver; by default one with one software device."""
        library = self.directory / f"lib{name}.so"
        library.write_bytes(b"")
        (self.vendors / f"{name}.icd").write_text(f"{library}\n")
        if told is None:
            told = worker.answer(worker.device(), library=str(library))
        self.probes[library.name] = told
        self.environment["FAKE_PROBE"] = json.dumps(self.probes)
        return library

    def command(self, *arguments: str) -> list[str]:
        """The command line for subprocess."""
        return [sys.executable, "-m", "aliquot.cli", *arguments]

    def run(
        self, *arguments: str, env: dict[str, str] | None = None, **options: object
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line to its end."""
        return subprocess.run(
            self.command(*arguments),
            env={**self.environment, **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **options,  # type: ignore[call-overload]
        )

    def popen(self, arguments: Sequence[str], **options: object) -> subprocess.Popen[str]:
        """Start the command line, with signals as in a terminal: a shell that starts the tests in
        the background ignores some, and what is ignored stays so in every program below.
        """
        process = subprocess.Popen(
            self.command(*arguments),
            env=self.environment,
            text=True,
            preexec_fn=_restore_signals,
            **options,  # type: ignore[call-overload]
        )
        self.started.append(process)
        return process

    def probed(self) -> list[str]:
        """The libraries that were probed, in order."""
        log = self.directory / "probes"
        return log.read_text().splitlines() if log.exists() else []

    def log_of_device(self, name: str) -> list[str]:
        """The lines of `starts` or `created` of the only device host."""
        logs = list(self.runtime.glob(f"*/{name}"))
        return [line for log in logs for line in log.read_text().splitlines()]
