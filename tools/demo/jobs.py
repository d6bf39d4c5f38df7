"""A program of the demo that runs: natively or on a vGPU, how far it is, how it ended."""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.programs.case import Case, Outcome
from tools.programs.drivers import Driver
from tools.programs.running import ALIQUOT, environment, seconds_of, stopwatched


@dataclass(frozen=True)
class Plan:
    """A program and the vGPU that it gets."""

    case: Case
    label: str  # the program in a word or two
    vgpu: str  # the vGPU's name
    memory: str  # its quota, as `aliquot run --memory` takes it
    steps: int  # how many lines for which `counts` holds make the whole
    counts: Callable[[str], bool]


class Job:
    """One run. Output is read as it comes, so that the screen can show how far it is."""

    def __init__(self, plan: Plan, driver: Driver, *, remoted: bool) -> None:
        self.plan = plan
        self._folder = tempfile.TemporaryDirectory()
        self._stopwatch = Path(self._folder.name) / "stopwatch"
        options = ["run", "--quiet", "--name", plan.vgpu, "--memory", plan.memory, "--"]
        around = [ALIQUOT, *options] if remoted else []
        self._lines: list[str] = []
        self._errors: list[str] = []
        self._process = subprocess.Popen(
            [*around, *stopwatched(plan.case.command(), self._stopwatch)],
            env=environment(plan.case, driver),
            cwd=plan.case.folder() or self._folder.name,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self._readers = [
            threading.Thread(target=self._read, args=(pipe, lines), daemon=True)
            for pipe, lines in (
                (self._process.stdout, self._lines),
                (self._process.stderr, self._errors),
            )
        ]
        for reader in self._readers:
            reader.start()

    @property
    def done(self) -> int:
        """How many of the plan's steps are done."""
        return sum(1 for line in list(self._lines) if self.plan.counts(line))

    @property
    def said(self) -> str:
        """The last line that the program printed."""
        return self._lines[-1].strip() if self._lines else ""

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def finish(self, seconds: float) -> Outcome:
        """Waits for the end, at most so long; kills it then."""
        status = 124
        try:
            status = self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join(timeout=5)
        outcome = Outcome(
            status, "".join(self._lines), "".join(self._errors), seconds_of(self._stopwatch)
        )
        self._folder.cleanup()
        return outcome

    def kill(self) -> None:
        """Ends the program: `aliquot run` passes the signal on."""
        if self.running:
            self._process.terminate()

    @staticmethod
    def _read(pipe, lines: list[str]) -> None:
        assert pipe
        with pipe:
            lines.extend(iter(pipe.readline, ""))
