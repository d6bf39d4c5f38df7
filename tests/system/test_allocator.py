"""The library by which a worker allocates: it is loaded, and what a tenant frees goes back."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from aliquot import native_programs
from aliquot.client.records import VgpuFlag
from tests.absent import absent
from tests.system.runtime import Runtime
from tools.programs.drivers import Driver

MIB = 1 << 20
_KEPT = 96 * MIB  # may stay: what the driver keeps of its own accord, and pages partly used
_SECONDS = 20.0

# Fills buffers until the quota is nearly spent, frees them, and waits for a file: for each size.
_PROGRAM = """
import os, sys, time
import numpy, pyopencl
context = pyopencl.create_some_context(interactive=False)
queue = pyopencl.CommandQueue(context)
for size in (1 << 16, 1 << 20, 8 << 20):
    contents = numpy.ones(size, numpy.uint8)
    held = []
    for _ in range((256 << 20) // size):
        held.append(pyopencl.Buffer(context, pyopencl.mem_flags.READ_WRITE, size))
        pyopencl.enqueue_copy(queue, held[-1], contents)
    queue.finish()
    print("held", flush=True)
    while not os.path.exists(f"{sys.argv[1]}-{size}-held"): time.sleep(0.01)
    while held: held.pop().release()
    queue.finish()
    print("freed", flush=True)
    while not os.path.exists(f"{sys.argv[1]}-{size}-freed"): time.sleep(0.01)
"""


@pytest.fixture(params=["mimalloc", native_programs.C_LIBRARY])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """What workers allocate by: the library's path, or None for the C library."""
    if request.param == native_programs.C_LIBRARY:
        monkeypatch.setenv("ALIQUOT_ALLOCATOR", native_programs.C_LIBRARY)
    elif native_programs.find_allocator() is None:
        absent("no mimalloc on this machine")
    return native_programs.find_allocator()


def test_what_a_tenant_frees_goes_back(
    driver: Driver, library: str | None, runtime: Runtime, tmp_path: Path
) -> None:
    """At once by mimalloc, and by the C library when something is allocated again."""
    with runtime.host() as host:
        # As for a discrete GPU: the driver allocates the buffers, in the worker.
        vgpu = host.create_vgpu("freeing", 320 * MIB, flags=int(VgpuFlag.STAGED))
        worker = vgpu.worker_process_id
        before = own_memory(worker)
        gate = tmp_path / "gate"
        guest = runtime.start(vgpu, [sys.executable, "-c", _PROGRAM, gate])
        assert guest.stdout
        for size in (1 << 16, 1 << 20, 8 << 20):
            assert guest.stdout.readline() == "held\n", guest.communicate()
            await_at_most(worker, before + 256 * MIB + _KEPT, f"with buffers of {size} bytes")
            Path(f"{gate}-{size}-held").touch()
            assert guest.stdout.readline() == "freed\n"
            if library is not None:
                await_at_most(worker, before + _KEPT, f"without buffers of {size} bytes")
            Path(f"{gate}-{size}-freed").touch()
        maps = Path(f"/proc/{worker}/maps").read_text()
        assert guest.wait(_SECONDS) == 0
        assert ("libmimalloc" in maps) == (library is not None)


def test_a_library_that_is_none_harms_nobody(
    one_driver: Driver, runtime: Runtime, tmp_path: Path
) -> None:
    """What the loader can't load it leaves; what it would take for several is refused."""
    command = ("run", "--quiet", "--", "clinfo", "--list")
    no_library = tmp_path / "no-library"
    no_library.write_text("none")
    for path in (tmp_path / "absent", no_library):
        done = runtime.aliquot(*command, variables={"ALIQUOT_ALLOCATOR": str(path)})
        assert (done.returncode, done.stderr) == (0, "")
        runtime.wait_until_nothing_runs()
    done = runtime.aliquot(*command, variables={"ALIQUOT_ALLOCATOR": str(tmp_path / "a b")})
    assert done.returncode == 2
    assert "ALQ-E120" in done.stderr
    assert "--allocator needs a path without spaces and colons" in done.stderr


def await_at_most(process: int, most: int, when: str) -> None:
    """Until the process has no more memory than that; what was freed takes a moment to go back."""
    until = time.monotonic() + _SECONDS
    while (own := own_memory(process)) > most:
        assert time.monotonic() < until, f"{own >> 20} MiB {when}; at most {most >> 20}"
        time.sleep(0.05)


def own_memory(process: int) -> int:
    """Bytes that are the process's own."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no Anonymous line in smaps_rollup")
