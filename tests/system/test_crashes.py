"""A kernel crashes the driver: its own vGPU is told so, the others don't notice, the log has it."""

from __future__ import annotations

from pathlib import Path

from tests.system.runtime import Runtime
from tools.programs.drivers import Driver

_OUT_OF_RESOURCES = -5


def test_a_kernel_that_writes_where_nothing_is(
    driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """No guest process hangs or crashes with the worker."""
    with runtime.host() as host:
        crashing = host.create_vgpu("crashing", 64 << 20)
        other = host.create_vgpu("other", 64 << 20)
        neighbour = runtime.start(other, [programs["many_threads"], "2", "30"])
        guest = runtime.start(crashing, [programs["wild"]])
        said, complaint = guest.communicate(timeout=60)
        assert (guest.returncode, complaint) == (0, "")
        assert int(said) == _OUT_OF_RESOURCES
        assert neighbour.communicate(timeout=60) == ("2 threads, 30 rounds: right\n", "")
    (log,) = (path.read_text() for path in runtime.folder.glob("*/log"))
    assert "ended: ended by signal 11" in log
    if driver.name == "pocl":  # Intel's own handler comes first, and fails
        assert "says: crashed by signal 11" in log
