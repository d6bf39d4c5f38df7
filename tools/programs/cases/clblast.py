"""CLBlast's own tests, as Debian packages them: each compares with a BLAS on the processor."""

from __future__ import annotations

import re

from tools.programs import fetch
from tools.programs.case import Case, Outcome, failed_runs, lines_that_differ

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_ROUTINE = re.compile(r"Starting tests for the '(\w+)' routine")
_COUNT = re.compile(r"^\s*(\d+) test\(s\) (passed|skipped|failed)")


class ClblastTest(Case):
    """One test program; its counts of passed, skipped and failed must be equal, and none failed."""

    time_limit = 900  # a driver that has not compiled xgemm's many kernels before takes minutes

    def __init__(self, routine: str) -> None:
        self.name = f"clblast-{routine}"
        self.what = f"CLBlast's test of {routine}"
        self._program = f"clblast_test_{routine}"

    def command(self) -> list[str]:
        return [str(fetch.debian_program(self._program))]

    def differences(self, native: Outcome, remoted: Outcome) -> list[str]:
        found = failed_runs(native, remoted)
        if found:
            return found
        ours = counts(remoted.stdout)
        if "passed" not in ours or " failed" in re.sub(r" 0 failed", "", ours):
            found.append(f"tests failed on the vGPU, or none ran:\n{ours}")
        return found + lines_that_differ(counts(native.stdout), ours)


def counts(output: str) -> str:
    """A line for each routine and each count: `SAXPY 36 passed`."""
    routine, lines = "?", list[str]()
    for line in _ESCAPES.sub("", output).splitlines():
        if started := _ROUTINE.search(line):
            routine = started[1]
        elif counted := _COUNT.match(line):
            lines.append(f"{routine} {counted[1]} {counted[2]}")
    return "\n".join(lines)
