"""Runs the benchmark program natively and on a vGPU, in alternating rounds."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from aliquot import environment, native_programs
from aliquot.bench.promises import PROMISES, STAGED, Better, Promise
from aliquot.client.device_host import DeviceHost
from aliquot.client.records import VgpuFlag
from aliquot.errors import BenchmarkFailed
from aliquot.leases.opencl_environment import opencl_environment
from aliquot.model.device import Device

TESTS = "info,rtt,async,args,bw,churn,map,cb,userev,compute"
_RUN_SECONDS = 600
_LARGEST_TRANSFER_MIB = 64
_BUSY_SCALE = 2.0
_KERNEL_LIMIT_MS = 60_000
_ITERATIONS = re.compile(r"iters=(\d+)")

Samples = dict[str, list[float]]


class Line(NamedTuple):
    """One line of the result; of several metrics the worst."""

    promise: Promise
    native: float
    vgpu: float
    value: float
    unit: str
    holds: bool


class Result(NamedTuple):
    """The whole result of one comparison."""

    lines: list[Line]
    rounds: int
    transfer: str
    load_before: float
    load_after: float

    def as_dict(self) -> dict[str, Any]:
        """The result for `--json`."""
        return {
            "rounds": self.rounds,
            "transfer": self.transfer,
            "load_before": self.load_before,
            "load_after": self.load_after,
            "lines": [
                {
                    "name": line.promise.name,
                    "native": line.native,
                    "vgpu": line.vgpu,
                    "unit": line.unit,
                    "value": line.value,
                    "value_is": "added ms" if line.promise.added else "ratio",
                    "better": line.promise.better.value,
                    "bar": line.promise.bar_for(self.transfer).bar,
                    "aim": line.promise.bar_for(self.transfer).aim,
                    "holds": line.holds,
                }
                for line in self.lines
            ],
        }


def compare(
    device: Device,
    *,
    rounds: int,
    transfer: str,
    scale: float,
    tolerance: float = 1.0,
    progress: Callable[[str], None] = lambda _: None,
) -> Result:
    """Measure both sides `rounds` times in turn and compare the medians; takes minutes."""
    progress("fixing the length of the compute-bound kernel")
    iterations = _calibrate(device)
    native: Samples = {}
    vgpu: Samples = {}
    units: dict[str, str] = {}
    load_before = os.getloadavg()[0]
    for number in range(1, rounds + 1):
        for samples, name, run in (
            (native, "native", run_native),
            (vgpu, "vGPU", run_on_vgpu),
        ):
            progress(f"round {number} of {rounds}: {name}")
            quiet = ["-t", TESTS, "-s", f"{scale:g}", "-c", str(iterations)]
            collect(run(device, quiet, transfer), samples, units)
            progress(f"round {number} of {rounds}: {name}, with another busy process")
            start = start_ms(device, on_vgpu=name == "vGPU")
            samples.setdefault("start/true", []).append(start)
            units["start/true"] = "ms"
            with busy_process():
                busy = run(device, ["-t", "rtt", "-s", f"{scale * _BUSY_SCALE:g}"], transfer)
            collect(busy, samples, units, test="busy")
    lines = [_line(promise, native, vgpu, units, transfer, tolerance) for promise in PROMISES]
    return Result(lines, rounds, transfer, load_before, os.getloadavg()[0])


def run_native(device: Device, arguments: list[str], _transfer: str = "") -> str:
    """The benchmark's output (CSV) on the bare device."""
    return _run_native(device, arguments)[0]


def run_on_vgpu(device: Device, arguments: list[str], transfer: str) -> str:
    """The benchmark's output (CSV) on a vGPU that is created for it."""
    flags = VgpuFlag.STAGED if transfer == STAGED else VgpuFlag(0)
    with DeviceHost.start_or_join(device) as host:
        vgpu = host.create_vgpu(
            f"bench-{os.getpid()}", flags=flags, kernel_limit_ms=_KERNEL_LIMIT_MS
        )
        return _run(arguments, opencl_environment(os.environ, vgpu.socket_path))[0]


def start_ms(device: Device, *, on_vgpu: bool) -> float:
    """Milliseconds from start to end of `true`, alone or with `aliquot run` before it."""
    command = ["true"]
    if on_vgpu:
        options = ["--quiet", "--device", device.uuid, "--memory", "16MiB"]
        command = [sys.executable, "-m", "aliquot.cli", "run", *options, "--", *command]
    before = time.perf_counter()
    finished = subprocess.run(command, stdin=subprocess.DEVNULL, check=False)
    if finished.returncode != 0:
        raise BenchmarkFailed(f"{' '.join(command)} ended with {finished.returncode}")
    return (time.perf_counter() - before) * 1000


def collect(output: str, samples: Samples, units: dict[str, str], test: str | None = None) -> None:
    """Add the medians in the benchmark's CSV to the samples; `test` renames the test."""
    for row in output.splitlines():
        fields = row.split(",")
        if len(fields) < 5:
            continue
        if fields[2] == "ERR":
            raise BenchmarkFailed(f"the test {fields[1]!r} failed with OpenCL error {fields[4]}")
        metric = f"{test or fields[1]}/{fields[2]}"
        samples.setdefault(metric, []).append(float(fields[4]))
        units[metric] = fields[3]


@contextmanager
def busy_process() -> Generator[None]:
    """One other process that computes all the time."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _calibrate(device: Device) -> int:
    _, notes = _run_native(device, ["-t", "compute", "-s", "0.1"])
    found = _ITERATIONS.search(notes)
    if found is None:
        raise BenchmarkFailed("the compute-bound kernel could not be calibrated")
    return int(found.group(1))


def _run_native(device: Device, arguments: list[str]) -> tuple[str, str]:
    variables = dict(os.environ)
    variables[environment.ICD_VENDORS.name] = device.library
    variables[environment.ICD_FILENAMES.name] = device.library
    # ocl-icd sorts platforms unless told not to; our index is the driver's own order.
    variables["OCL_ICD_PLATFORM_SORT"] = "none"
    variables.pop(environment.VGPU_SOCKET.name, None)
    place = ["-p", str(device.platform_index), "-d", str(device.device_index)]
    return _run(place + arguments, variables)


def _run(arguments: list[str], variables: Mapping[str, str]) -> tuple[str, str]:
    program = native_programs.find(native_programs.BENCHMARK)
    try:
        finished = subprocess.run(
            [program, "-m", str(_LARGEST_TRANSFER_MIB), *arguments],
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_RUN_SECONDS,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BenchmarkFailed(f"the benchmark did not end within {_RUN_SECONDS} s") from None
    if finished.returncode != 0:
        reason = finished.stderr.strip().rpartition("\n")[2]
        ending = (
            f"signal {-finished.returncode}"
            if finished.returncode < 0
            else f"exit status {finished.returncode}"
        )
        raise BenchmarkFailed(f"the benchmark ended with {ending}: {reason}")
    return finished.stdout, finished.stderr


def _line(
    promise: Promise,
    native: Samples,
    vgpu: Samples,
    units: dict[str, str],
    transfer: str,
    tolerance: float,
) -> Line:
    found: list[Line] = []
    for metric in promise.metrics:
        if metric not in native or metric not in vgpu:
            raise BenchmarkFailed(f"the benchmark did not print {metric!r}")
        before, after = statistics.median(native[metric]), statistics.median(vgpu[metric])
        value = after - before if promise.added else after / before
        holds = promise.holds(value, transfer, tolerance)
        found.append(Line(promise, before, after, value, units[metric], holds))
    worst = max if promise.better is Better.LESS else min
    return worst(found, key=lambda line: line.value)
