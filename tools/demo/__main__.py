"""`make demo`: two real programs share one device, a third asks for too much; then three tenants.

First both programs run natively at once, then again at once, each on a vGPU of its own, so that
the two times compare like with like. Then three tenants show that guarantees of device time hold.
Ends with 1 when a result differs from native, a quota was exceeded, or the third program was not
refused; a share that is missed is told only, since other work on the machine may be the reason.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from aliquot.devices.opencl import find_device
from aliquot.errors import AliquotError
from tools.demo import shares
from tools.demo.jobs import Job, Plan
from tools.demo.programs import plain, rows_of, table
from tools.demo.screen import Look, Screen
from tools.demo.verdict import judge, show
from tools.demo.watching import Watcher
from tools.programs import fetch
from tools.programs.case import Case, Outcome, failed_runs
from tools.programs.cases.python_scripts import AskTooMuch, OpencvUmat, TinygradTraining
from tools.programs.drivers import Driver, all_drivers
from tools.programs.running import run

_SECONDS = 180.0
_STEP = 1 / 12


def _plans() -> tuple[Plan, Plan, Plan]:
    training = Plan(
        TinygradTraining(),
        "tinygrad training",
        "train",
        "256MiB",
        60,
        lambda line: line.startswith("step"),
    )
    pictures = Plan(
        OpencvUmat(40),
        "OpenCV filters",
        "pictures",
        "384MiB",
        40,
        lambda line: line.startswith("round"),
    )
    greedy = Plan(
        AskTooMuch(),
        "pyopencl, greedy",
        "greedy",
        "96MiB",
        6,
        lambda line: line.startswith("holds"),
    )
    return training, pictures, greedy


def main() -> int:
    """The whole demo."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description=__doc__)
    drivers = all_drivers()
    parser.add_argument("--driver", choices=[driver.name for driver in drivers])
    chosen = parser.parse_args().driver
    # Where there is no terminal, wide enough for the tables, and no colours.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    driver = next((d for d in drivers if chosen in (None, d.name)), None)
    if driver is None:
        console.print("demo: no OpenCL driver found; run `make setup`", style="red")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # still clears up
    runtime = tempfile.mkdtemp(prefix="aliquot-demo-")
    os.environ |= {"ALIQUOT_RUNTIME_DIR": runtime, **driver.environment()}
    try:
        return _demo(console, driver)
    except (AliquotError, fetch.CannotFetch) as error:
        console.print(f"demo: {error}", style="red")
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(runtime, ignore_errors=True)


def _demo(console: Console, driver: Driver) -> int:
    training, pictures, greedy = _plans()
    _, device = find_device(None)
    _prepare(console, driver, (training.case, pictures.case, greedy.case))
    console.print(f"\n[bold]One device:[/] {device.name} ({device.platform})\n")
    shared = (training, pictures)
    with console.status("[dim]both programs natively, at once, for comparison …"):
        native = _run_natively(shared, driver)
    remoted, over = _run_on_vgpus(console, driver, (*shared, greedy))
    verdicts = [judge(p, n, r) for p, n, r in zip(shared, native, remoted[:2], strict=True)]
    show(console, verdicts)
    status = _close(console, any(v.differences for v in verdicts), over, remoted[2])
    try:
        shares.act(console, device)
    finally:
        _wait_for_device_host()
    return status


def _prepare(console: Console, driver: Driver, cases: Sequence[Case]) -> None:
    """Gets the programs and has the driver compile their kernels: once, before the clock runs."""
    ready = fetch.CACHES / driver.name / ".demo-ready"
    if ready.exists() and fetch.PYTHON.exists():
        return
    with console.status("[dim]once: getting the programs from PyPI …"):
        fetch.python_environment()
    with console.status("[dim]once: first run of each, so that the driver compiles its kernels …"):
        for case in cases[:2]:
            outcome = run(case, driver, remoted=False)
            for problem in failed_runs(outcome, outcome)[:1]:
                raise fetch.CannotFetch(f"{case.name} does not run natively here: {problem}")
        # Each vGPU keeps what was compiled in a place of its own, given in the order of the start.
        watcher = Watcher()
        for job in _start_on_vgpus(_plans(), driver, watcher):
            job.finish(_SECONDS)
        watcher.close()
        _wait_for_device_host()
    ready.touch()


def _run_natively(plans: Sequence[Plan], driver: Driver) -> list[Outcome]:
    jobs = [Job(plan, driver, remoted=False) for plan in plans]
    return [job.finish(_SECONDS) for job in jobs]


def _run_on_vgpus(
    console: Console, driver: Driver, plans: Sequence[Plan]
) -> tuple[list[Outcome], list[str]]:
    """The programs at once, watched; their outcomes, and the vGPUs seen above their quota."""
    watcher = Watcher()
    jobs: list[Job] = []
    try:
        jobs += _start_on_vgpus(plans, driver, watcher)
        title = "Three programs, each on a vGPU with a memory quota"
        with Screen(console, title, Look(table, plain)) as screen:
            end = time.monotonic() + _SECONDS
            while any(job.running for job in jobs) and time.monotonic() < end:
                watcher.look()
                screen.show(rows_of(jobs, watcher))
                time.sleep(_STEP)
            outcomes = [job.finish(5) for job in jobs]
            screen.show(rows_of(jobs, watcher), last=True)
        return outcomes, watcher.over_quota()
    finally:
        for job in jobs:
            job.kill()
        watcher.close()
        _wait_for_device_host()


def _start_on_vgpus(plans: Sequence[Plan], driver: Driver, watcher: Watcher) -> list[Job]:
    """Starts the programs, each as soon as the vGPU before it is there."""
    jobs: list[Job] = []
    for plan in plans:
        jobs.append(Job(plan, driver, remoted=True))
        end = time.monotonic() + 5
        while plan.vgpu not in watcher.usage and time.monotonic() < end and jobs[-1].running:
            time.sleep(0.02)
            watcher.look()
    return jobs


def _wait_for_device_host() -> None:
    """The device host ends by itself soon after its last vGPU; nothing of the demo stays."""
    end = time.monotonic() + 5
    runtime = Path(os.environ["ALIQUOT_RUNTIME_DIR"])
    while time.monotonic() < end and any(p.is_socket() for p in runtime.rglob("*")):
        time.sleep(0.05)


def _close(console: Console, differ: bool, over: list[str], greedy: Outcome) -> int:
    """Says how it went; the exit status."""
    refused = greedy.status == 0 and "CL_MEM_OBJECT_ALLOCATION_FAILURE" in greedy.stdout
    if refused:
        console.print(f"  greedy: {greedy.stdout.splitlines()[-1]}")
    else:
        console.print(f"  greedy was not refused as it should be:\n{greedy.tail()}", style="red")
    for name in over:
        console.print(f"  {name} used more than its quota", style="red")
    if differ or over or not refused:
        return 1
    console.print("  [green]Both results are the native ones, to the last bit.[/]\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
