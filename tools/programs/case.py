"""What a case is: one real program, how to start it and what of its output must be equal."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """How one run of a program ended."""

    status: int  # exit status; 124 when it ran out of time
    stdout: str
    stderr: str
    seconds: float  # from the program's exec to its exit, without what `aliquot run` does around it

    def tail(self, lines: int = 30) -> str:
        """The end of what the program printed, for a message."""
        return "\n".join((self.stdout + "\n" + self.stderr).strip().splitlines()[-lines:])


class Case(ABC):
    """A real program. Subclasses say how it runs and how two runs are compared."""

    name: str
    # A sentence for the table of the demo and the report.
    what: str
    # Longest time that a run may take, in seconds.
    time_limit: float = 600
    # Whether its time says something about the cost of remoting (clinfo's doesn't).
    measured: bool = True
    # Drivers on which the program works natively.
    works_on: tuple[str, ...] = ("pocl", "intel")

    @abstractmethod
    def command(self) -> list[str]:
        """The command line; gets the program first if need be (fetch.CannotFetch)."""

    def environment(self) -> dict[str, str]:
        """Variables that this program wants on top of the common ones."""
        return {}

    def folder(self) -> Path | None:
        """Where the program starts; None: an empty folder of its own."""
        return None

    @abstractmethod
    def differences(self, native: Outcome, remoted: Outcome) -> list[str]:
        """What differs between a native run and one on a vGPU and may not; empty: equal."""


def failed_runs(native: Outcome, remoted: Outcome) -> list[str]:
    """A sentence for each of the two runs that did not end with status 0."""
    return [
        f"the {how} run ended with status {outcome.status}:\n{outcome.tail()}"
        for how, outcome in (("native", native), ("remoted", remoted))
        if outcome.status != 0
    ]


def lines_that_differ(native: str, remoted: str, limit: int = 20) -> list[str]:
    """Differences of two outputs line by line, at most `limit` of them."""
    ours, theirs = remoted.splitlines(), native.splitlines()
    found = [
        f"line {number}: native {a!r}, remoted {b!r}"
        for number, (a, b) in enumerate(zip(theirs, ours, strict=False), 1)
        if a != b
    ]
    if len(ours) != len(theirs):
        found.append(f"native printed {len(theirs)} lines, remoted {len(ours)}")
    return found[:limit]
