"""fork, dlclose, thread exit, atexit order in the guest process: no crash, no hang."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.runtime import Runtime
from tools.programs.drivers import Driver

MODES = (
    "fork",
    "fork-busy",
    "fork-build",
    "thread-exit",
    "atexit",
    "exit-busy",
    "dlclose",
    "leak",
)


@pytest.mark.parametrize("mode", MODES)
def test_the_guest_process_ends_well(
    one_driver: Driver, mode: str, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """The program itself checks what must work afterwards."""
    done = runtime.aliquot("run", "--quiet", "--", str(programs["endings"]), mode, seconds=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(f"{mode}: done\n")
