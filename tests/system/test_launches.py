"""Ten million launches: the guest process and its worker hold no more memory at the end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.soak import length
from tests.system.compiled import compile_program
from tests.system.runtime import Runtime
from tools.programs.drivers import Driver

_GROWTH_KIB = 8 * 1024  # over nine tenths of the run: noise of an allocator, no leak


def test_memory_stays_flat_over_two_hundred_thousand_launches(
    one_driver: Driver, runtime: Runtime, tmp_path: Path
) -> None:
    """The short form of the next one."""
    launch(200_000, runtime, tmp_path, lambda _name, _value: None)


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
def test_memory_stays_flat_over_ten_million_launches(
    driver: Driver,
    runtime: Runtime,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """On every driver."""
    launch(
        length.scaled(10_000_000, least=10_000, multiple_of=1000),
        runtime,
        tmp_path,
        record_property,
    )


def launch(count: int, runtime: Runtime, folder: Path, note: Callable[[str, object], None]) -> None:
    """Runs the program on a vGPU and watches both processes."""
    program = compile_program("many_launches", folder)
    with runtime.host() as host:
        vgpu = host.create_vgpu("launches", 64 << 20, kernel_limit_ms=60_000)
        runtime.look(host)
        begin = time.monotonic()
        process = runtime.start(vgpu, [program, str(count)])
        samples: list[tuple[int, int, int]] = []  # launches, guest KiB, worker KiB
        errors: list[str] = []
        assert process.stdout
        assert process.stderr
        reader = threading.Thread(target=lambda: errors.append(process.stderr.read()))  # type: ignore[union-attr]
        reader.start()
        for line in process.stdout:
            _, launches, _, resident = line.split()
            samples.append((int(launches), int(resident), resident_kib(vgpu.worker_process_id)))
        status = process.wait(timeout=60)
        reader.join()
        seconds = time.monotonic() - begin
    note("launches", count)
    note("launches_a_second", round(count / seconds))
    for launches, guest, worker in samples[:: max(1, len(samples) // 10)] + samples[-1:]:
        note(f"resident_kib_after_{launches}", f"guest process {guest}, worker {worker}")
    assert (status, errors) == (0, [""])
    assert samples[-1][0] == count
    early = next(sample for sample in samples if sample[0] >= count // 10)
    assert samples[-1][1] - early[1] < _GROWTH_KIB, samples
    assert samples[-1][2] - early[2] < _GROWTH_KIB, samples


def resident_kib(process: int) -> int:
    """What a process holds in memory."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
