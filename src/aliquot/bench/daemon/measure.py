"""Measures the cases of `aliquot bench daemon`, as its callers see them: through the API."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager

from aliquot.bench.daemon.cases import (
    CREATE_MS,
    IDLE_MB,
    IDLE_PERCENT,
    LIST_MS,
    RUN_MS,
    WATCHERS,
    Case,
    Kind,
    Lengths,
)
from aliquot.bench.daemon.process import Daemon, apart, running
from aliquot.bench.daemon.result import Line, Result, percentile
from aliquot.bench.daemon.watching import watch
from aliquot.client.rest import Client
from aliquot.errors import AliquotError, BenchmarkFailed
from aliquot.model.api.vgpus import VgpuWanted
from aliquot.model.device import Device

_MEMORY = 1 << 20
_MEMORY_OF_RUN = "16MiB"
_LABELS = {"team": "bench"}
_SETTLE_SECONDS = 3.0
_PAGE = 1000
_MADE_FOR_WATCHERS = 20
_RUN_SECONDS = 60


def measure(
    cases: Sequence[Case],
    lengths: Lengths,
    find: Callable[[], Device],
    *,
    tolerance: float = 1.0,
    progress: Callable[[str], None] = lambda _: None,
) -> Result:
    """Measure; takes minutes. `find` tells the device of the cases that want one, or raises."""
    load_before = os.getloadavg()[0]
    lines: list[Line] = []
    left_out: dict[str, str] = {}
    simulated = [case for case in cases if not case.on_device]
    on_device = [case for case in cases if case.on_device]
    if simulated:
        with _bench(lengths, None) as bench:
            for case in simulated:
                progress(case.what)
                lines += bench.measure(case)
    if on_device:
        try:
            device = find()
        except AliquotError as error:
            if not simulated:
                raise
            left_out = {case.name: str(error) for case in on_device}
        else:
            with _bench(lengths, device) as bench:
                for case in on_device:
                    progress(f"{case.what}: {device.name}")
                    lines += bench.measure(case)
    return Result(lines, left_out, tolerance, load_before, os.getloadavg()[0])


class _Bench:
    """One daemon, and the vGPUs that are there by now."""

    def __init__(self, daemon: Daemon, client: Client, lengths: Lengths, device: str) -> None:
        self._daemon = daemon
        self._client = client
        self._lengths = lengths
        self._device = device
        self._there = 0
        self._made = 0

    def measure(self, case: Case) -> list[Line]:
        """The figures of a case."""
        match case.kind:
            case Kind.IDLE:
                return self._idle(case)
            case Kind.CREATE:
                return self._creating(case)
            case Kind.LIST:
                return self._listing(case)
            case Kind.WATCH:
                return self._watching(case)
            case Kind.RUN:
                return self._running(case)

    def clear(self) -> None:
        """Delete what is there."""
        for number in range(self._there):
            self._client.vgpus.delete(f"there-{number}")
        self._there = 0

    def _fill(self, count: int) -> None:
        for number in range(self._there, count):
            self._make(f"there-{number}")
        self._there = max(self._there, count)

    def _make(self, name: str) -> None:
        wanted = VgpuWanted(name=name, memory=_MEMORY, device=self._device, labels=_LABELS)
        self._client.vgpus.create(wanted)

    def _names(self, count: int) -> list[str]:
        self._made += count
        return [f"made-{number}" for number in range(self._made - count, self._made)]

    def _creating(self, case: Case) -> list[Line]:
        self._fill(case.there)
        names = self._names(self._lengths.made)
        took = sorted(_milliseconds(lambda name=name: self._make(name)) for name in names)
        for name in names:
            self._client.vgpus.delete(name)
        where = " at a device host" if case.on_device else ""
        name = f"create with {case.there:,} vGPUs{where}"
        return [
            Line(case.name, f"{name}, p50", percentile(took, 50), "ms", None),
            Line(case.name, f"{name}, p99", percentile(took, 99), "ms", CREATE_MS[case.there]),
        ]

    def _listing(self, case: Case) -> list[Line]:
        self._fill(case.there)
        took = sorted(_milliseconds(self._list_all) for _ in range(self._lengths.lists))
        name = f"list of {self._there:,} vGPUs, p50"
        return [Line(case.name, name, percentile(took, 50), "ms", LIST_MS)]

    def _list_all(self) -> None:
        found = 0
        cursor: str | None = None
        while True:
            page = self._client.vgpus.list(limit=_PAGE, cursor=cursor)
            found += len(page.items)
            cursor = page.next
            if cursor is None:
                break
        if found != self._there:
            raise BenchmarkFailed(f"{found} vGPUs are listed, and {self._there} are there")

    def _watching(self, case: Case) -> list[Line]:
        client = self._client
        since = client.vgpus.list(limit=1).sequence
        begun = time.perf_counter()

        def act() -> int:
            for name in self._names(_MADE_FOR_WATCHERS):
                self._make(name)
                client.vgpus.delete(name)
            return client.vgpus.list(limit=1).sequence

        seen = watch(self._daemon.address, since, WATCHERS, act)
        seconds = time.perf_counter() - begun
        told = [event.sequence for event in client.events.since(since).items]
        whole = seen.whole(told)
        return [
            Line(
                case.name,
                f"of {WATCHERS} watchers, saw all events once",
                whole,
                "",
                WATCHERS,
                at_least=True,
                strict=True,
            ),
            Line(case.name, f"{len(told)} events, until all were seen", seconds, "s", None),
        ]

    def _idle(self, case: Case) -> list[Line]:
        self._fill(case.there)
        time.sleep(_SETTLE_SECONDS)
        before, began = self._daemon.processor_seconds(), time.monotonic()
        time.sleep(self._lengths.idle_seconds)
        had = self._daemon.processor_seconds() - before
        percent = had / (time.monotonic() - began) * 100
        memory = self._daemon.resident_mb()
        name = f"idle with {case.there} vGPUs"
        return [
            Line(case.name, f"{name}, of a core", percent, "%", IDLE_PERCENT[case.there]),
            Line(case.name, f"{name}, memory", memory, "MiB", IDLE_MB, strict=True),
        ]

    def _running(self, case: Case) -> list[Line]:
        self.clear()
        with tempfile.TemporaryDirectory(prefix="aliquot-bench-") as folder:
            os.chmod(folder, 0o711 if os.geteuid() == 0 else 0o700)
            took: dict[str, list[float]] = {"": [], "with": [], "without": []}
            for number in range(self._lengths.runs + 1):
                now = {
                    "": _true_ms(None, self._device),
                    "without": _true_ms(apart(folder), self._device),
                    "with": _true_ms(self._daemon.variables, self._device),
                }
                if number:  # the first ones fill caches
                    for how, ms in now.items():
                        took[how].append(ms)
        alone = statistics.median(took[""])
        return [
            Line(
                case.name,
                f"aliquot run -- true, over true, {how} a daemon",
                statistics.median(took[how]) - alone,
                "ms",
                RUN_MS,
            )
            for how in ("without", "with")
        ]


@contextmanager
def _bench(lengths: Lengths, device: Device | None) -> Generator[_Bench]:
    """On a daemon with a simulated device, or with this one."""
    with running(simulated=device is None) as daemon, daemon.client() as client:
        bench = _Bench(daemon, client, lengths, device.uuid if device else "0")
        try:
            yield bench
        finally:
            if device is not None:
                bench.clear()  # what is at a device host outlives the daemon


def _milliseconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def _true_ms(variables: Mapping[str, str] | None, device: str) -> float:
    """Milliseconds that `true` takes, alone or by `aliquot run` in an environment."""
    command = ["true"]
    if variables is not None:
        options = ["--quiet", "--device", device, "--memory", _MEMORY_OF_RUN]
        command = [sys.executable, "-m", "aliquot.cli", "run", *options, "--", *command]
    began = time.perf_counter()
    done = subprocess.run(
        command,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=_RUN_SECONDS,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise BenchmarkFailed(f"'aliquot run -- true' ended with {done.returncode}: {reason}")
    return (time.perf_counter() - began) * 1000
