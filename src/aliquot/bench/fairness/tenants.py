"""Runs tenants at the same time, each an `aliquot run` of its own, and reads their counts."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from aliquot import native_programs
from aliquot.bench.fairness.cases import FEW_ITEMS, Tenant
from aliquot.bench.fairness.trace import Trace
from aliquot.errors import BenchmarkFailed
from aliquot.model.device import Device

MEMORY = "64MiB"
READY_SECONDS = 120.0
_END_SECONDS = 60.0
START_DELAY_NS = 50_000_000
# A kernel may have to wait for its vGPU's turn; that is not to cost its worker.
_RUN_OPTIONS = ("--quiet", "--memory", MEMORY, "--kernel-limit", "60s")


class RunningTenant:
    """An `aliquot run` of one tenant, which leads a session of its own."""

    def __init__(
        self,
        device: Device,
        tenant: Tenant,
        iterations: int,
        seconds: float,
        folder: str,
        index: int,
    ) -> None:
        """Start it; it builds its kernel and waits. `folder` is for what it writes."""
        out = os.path.join(folder, f"tenant-{index}")
        several = tenant.processes > 1
        self._outs = [f"{out}.{number}" for number in range(tenant.processes)] if several else [out]
        self._errors = open(f"{out}.errors", "w+b")  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            _command(device, tenant, iterations, seconds, out, index),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            start_new_session=True,
        )

    def wait_until_ready(self, deadline: float) -> None:
        """Wait until it has built its kernel; raises BenchmarkFailed where that doesn't happen."""
        stdout = self._process.stdout
        assert stdout
        said = b""
        while not said.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([stdout], [], [], left)[0]:
                raise BenchmarkFailed(f"a tenant was not ready within {READY_SECONDS:g} s")
            part = os.read(stdout.fileno(), 100)
            if not part:
                raise self._failed("ended before it was ready")
            said += part

    def begin(self, at_ns: int) -> None:
        """Tell it when to begin, ns of the monotonic clock."""
        stdin = self._process.stdin
        assert stdin
        stdin.write(b"%d\n" % at_ns)
        stdin.close()

    def trace(self, deadline: float, *, may_fail: bool = False) -> Trace:
        """Wait for its end and read what it completed, by default only if it ended well."""
        try:
            status = self._process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise BenchmarkFailed("a tenant did not end when its time was over") from None
        if status != 0 and not may_fail:
            raise self._failed(f"ended with exit status {status}")
        try:
            return Trace.merged([_read(out) for out in self._outs])
        except (OSError, ValueError) as error:
            raise BenchmarkFailed(f"a tenant's counts can't be read: {error}") from error

    def end(self) -> None:
        """End what still runs: it with all that it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream:
                stream.close()

    def _failed(self, how: str) -> BenchmarkFailed:
        self._errors.seek(0)
        text = self._errors.read(10_000).decode("utf-8", "replace").strip()
        reason = text.rpartition("\n")[2]
        return BenchmarkFailed(f"a tenant {how}: {reason}" if reason else f"a tenant {how}")


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
        self._running: list[RunningTenant] = []
        try:
            for index, (tenant, loops) in enumerate(zip(tenants, iterations, strict=True)):
                self._running.append(RunningTenant(device, tenant, loops, seconds, folder, index))
        except BaseException:
            self._end()
            raise

    def begin(self) -> int:
        """Wait until all are ready and start them; returns when, ns of the monotonic clock."""
        deadline = time.monotonic() + READY_SECONDS
        for running in self._running:
            running.wait_until_ready(deadline)
        start = time.monotonic_ns() + START_DELAY_NS
        for running in self._running:
            running.begin(start)
        return start

    def traces(self) -> list[Trace]:
        """Wait for their end and read what they completed."""
        deadline = time.monotonic() + self._seconds + _END_SECONDS
        return [running.trace(deadline) for running in self._running]

    def __enter__(self) -> Together:
        """Nothing to prepare: they were started when this was made."""
        return self

    def __exit__(self, *_: object) -> None:
        """End what still runs."""
        self._end()

    def _end(self) -> None:
        for running in self._running:
            running.end()


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
            timeout=READY_SECONDS,
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


def _command(
    device: Device, tenant: Tenant, iterations: int, seconds: float, out: str, index: int
) -> list[str]:
    options = ["--name", name_of(index), *tenant.options]
    if tenant.memory_parts:
        options += ["--memory", str(device.global_memory // tenant.memory_parts)]
    return [
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


def _run(device: Device, options: Sequence[str]) -> list[str]:
    program = [sys.executable, "-m", "aliquot.cli", "run"]
    return [*program, "--device", device.uuid, *_RUN_OPTIONS, *options, "--"]
