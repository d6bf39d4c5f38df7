"""Runs tenants at the same time, each an `aliquot run` of its own, and reads their counts."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import IO, NamedTuple

from aliquot import native_programs
from aliquot.bench.fairness.cases import FEW_ITEMS, Tenant
from aliquot.bench.fairness.trace import Trace
from aliquot.errors import BenchmarkFailed
from aliquot.model.device import Device

MEMORY = "64MiB"
_READY_SECONDS = 120.0
_END_SECONDS = 60.0
_START_DELAY_NS = 50_000_000
# A kernel may have to wait for its vGPU's turn; that is not to cost its worker.
_RUN_OPTIONS = ("--quiet", "--memory", MEMORY, "--kernel-limit", "60s")


class Running(NamedTuple):
    """A tenant, whose first process leads a session of its own, and where it writes."""

    process: subprocess.Popen[bytes]
    outs: list[str]  # a file a process
    errors: IO[bytes]


class Together:
    """Tenants that run at the same time. A context manager: leaving it ends what still runs."""

    def __init__(
        self,
        device: Device,
        tenants: Sequence[Tenant],
        iterations: Sequence[int],
        seconds: float,
        folder: str,
    ) -> None:
        """Start them; each builds its kernel and waits. `folder` is for what they write."""
        self._seconds = seconds
        self._running: list[Running] = []
        try:
            for index, (tenant, loops) in enumerate(zip(tenants, iterations, strict=True)):
                self._running.append(_start(device, tenant, loops, seconds, folder, index))
        except BaseException:
            self._end()
            raise

    def begin(self) -> int:
        """Wait until all are ready and start them; returns when, ns of the monotonic clock."""
        deadline = time.monotonic() + _READY_SECONDS
        for running in self._running:
            _wait_until_ready(running, deadline)
        start = time.monotonic_ns() + _START_DELAY_NS
        for running in self._running:
            assert running.process.stdin
            running.process.stdin.write(b"%d\n" % start)
            running.process.stdin.close()
        return start

    def traces(self) -> list[Trace]:
        """Wait for their end and read what they completed."""
        deadline = time.monotonic() + self._seconds + _END_SECONDS
        found: list[Trace] = []
        for running in self._running:
            try:
                status = running.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise BenchmarkFailed("a tenant did not end when its time was over") from None
            if status != 0:
                raise _failed(running, f"ended with exit status {status}")
            try:
                found.append(Trace.merged([_read(out) for out in running.outs]))
            except (OSError, ValueError) as error:
                raise BenchmarkFailed(f"a tenant's counts can't be read: {error}") from error
        return found

    def __enter__(self) -> Together:
        """Nothing to prepare: they were started when this was made."""
        return self

    def __exit__(self, *_: object) -> None:
        """End what still runs: each tenant with all that it started."""
        self._end()

    def _end(self) -> None:
        for running in self._running:
            if running.process.poll() is None:
                os.killpg(running.process.pid, signal.SIGKILL)
                running.process.wait()
            for stream in (running.process.stdin, running.process.stdout, running.errors):
                if stream:
                    stream.close()


def name_of(index: int) -> str:
    """The name of a tenant's vGPU; no two benchmarks have the same."""
    return f"fairness-{os.getpid()}-{index + 1}"


def index_of(name: str) -> int:
    """Which tenant a name is of."""
    return int(name.rpartition("-")[2]) - 1


def calibrate(device: Device, kernel_us: float, items: int = FEW_ITEMS) -> int:
    """How many iterations of its loop make a kernel of this length, on a vGPU that is alone."""
    program = native_programs.find(native_programs.FAIRNESS_TENANT)
    options = ["--calibrate", "--kernel-us", f"{kernel_us:g}", "--items", str(items)]
    command = [*_run(device, ()), program, *options]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_READY_SECONDS,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BenchmarkFailed("the calibration of the kernels did not end") from None
    if done.returncode != 0 or not done.stdout.strip().isdigit():
        reason = done.stderr.strip().rpartition("\n")[2]
        raise BenchmarkFailed(f"a kernel of {kernel_us:g} us could not be calibrated: {reason}")
    return int(done.stdout)


def _read(path: str) -> Trace:
    with open(path, encoding="ascii") as file:
        return Trace.read(file)


def _start(
    device: Device, tenant: Tenant, iterations: int, seconds: float, folder: str, index: int
) -> Running:
    out = os.path.join(folder, f"tenant-{index}")
    options = ["--name", name_of(index), *tenant.options]
    if tenant.memory_parts:
        options += ["--memory", str(device.global_memory // tenant.memory_parts)]
    command = [
        *_run(device, options),
        native_programs.find(native_programs.FAIRNESS_TENANT),
        *("--pattern", tenant.pattern.value),
        *("--kernel-us", f"{tenant.kernel_us:g}"),
        *("--gap-us", f"{tenant.period_us:g}"),
        *("--items", str(tenant.items)),
        *("--iterations", str(iterations)),
        *("--queue", tenant.queue.value),
        *("--processes", str(tenant.processes)),
        *("--seconds", f"{seconds:g}"),
        *("--out", out),
    ]
    errors = open(f"{out}.errors", "w+b")  # noqa: SIM115 - closed with the process
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        bufsize=0,
        start_new_session=True,
    )
    several = tenant.processes > 1
    outs = [f"{out}.{number}" for number in range(tenant.processes)] if several else [out]
    return Running(process, outs, errors)


def _run(device: Device, options: Sequence[str]) -> list[str]:
    program = [sys.executable, "-m", "aliquot.cli", "run"]
    return [*program, "--device", device.uuid, *_RUN_OPTIONS, *options, "--"]


def _wait_until_ready(running: Running, deadline: float) -> None:
    stdout = running.process.stdout
    assert stdout
    said = b""
    while not said.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([stdout], [], [], left)[0]:
            raise BenchmarkFailed(f"a tenant was not ready within {_READY_SECONDS:g} s")
        part = os.read(stdout.fileno(), 100)
        if not part:
            raise _failed(running, "ended before it was ready")
        said += part


def _failed(running: Running, how: str) -> BenchmarkFailed:
    running.errors.seek(0)
    text = running.errors.read(10_000).decode("utf-8", "replace").strip()
    reason = text.rpartition("\n")[2]
    return BenchmarkFailed(f"a tenant {how}: {reason}" if reason else f"a tenant {how}")
