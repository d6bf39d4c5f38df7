"""The last act of the demo: three tenants that want it all share a device at 50, 30 and 20 %."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from aliquot.bench.fairness.cases import CASES, USUAL_KERNEL_US, Tenant
from aliquot.bench.fairness.machine import NoiseMeter
from aliquot.bench.fairness.tenants import Together, calibrate
from aliquot.bench.fairness.trace import Work
from aliquot.bench.fairness.verdict import SECOND
from aliquot.client.device_host import DeviceHost
from aliquot.model.device import Device
from aliquot.model.shares import Turns
from tools.demo.received import Received, show
from tools.demo.screen import Look, Screen, bar

_SECONDS = 7.5
_WARM_UP_NS = SECOND
_SLACK_NS = SECOND // 5  # before the end: not all tenants stop at the same moment
_STEP_NS = SECOND // 10
_BAR = 40
_BUSY = 0.5  # of all processors: too little is left to draw with
_COLOURS = ("cyan", "magenta", "yellow")


class Row(NamedTuple):
    """What is shown of one tenant; shares in percent."""

    tenant: str
    promised: float
    lately: float
    style: str


def act(console: Console, device: Device) -> None:
    """Runs the tenants, shows their shares meanwhile, and what each received in the end.

    Raises BenchmarkFailed where a tenant fails. A share that is missed is told, no more.
    """
    tenants = _tenants()
    with (
        DeviceHost.start_or_join(device) as host,
        tempfile.TemporaryDirectory(prefix="aliquot-demo-") as folder,
    ):
        ready = console.status("[dim]three tenants get ready …")
        with ready:
            meter = NoiseMeter()
            busy = meter.noise().others > _BUSY
            loops = calibrate(device, USUAL_KERNEL_US)
        with Together(device, list(tenants.values()), [loops] * 3, _SECONDS, folder) as running:
            with ready:
                start = running.begin()
                _sleep_until(start + _WARM_UP_NS)
            first = _turns(host)
            title = "Three tenants want the whole device; their shares of its last second"
            with Screen(console, title, Look(_table, _plain), lively=not busy) as screen:
                _watch(host, tenants, screen, start + int(_SECONDS * SECOND) - _SLACK_NS)
                last = _turns(host)
            traces = running.traces()
    if not first.keys() == last.keys() == tenants.keys():
        console.print("  The device host answered too late to compare: the machine is too busy.\n")
        return
    begin, end = (max(turns.at_ns for turns in seen.values()) for seen in (first, last))
    work = Work(traces, [USUAL_KERNEL_US / 1e6] * 3).shares(begin, end)
    received = [
        Received(name, tenant.expected or 0.0, _accounts(first[name], last[name]), done)
        for (name, tenant), done in zip(tenants.items(), work, strict=True)
    ]
    show(console, received, (end - begin) / SECOND, meter.noise())


def _tenants() -> dict[str, Tenant]:
    """Those of `aliquot bench fairness`, under names that one can tell apart."""
    case = next(case for case in CASES if case.name == "50-30-20")
    named = {f"tenant-{tenant.expected:g}": tenant for tenant in case.tenants}
    return {
        name: tenant._replace(options=(*tenant.options, "--name", name))
        for name, tenant in named.items()
    }


def _watch(
    host: DeviceHost, tenants: dict[str, Tenant], screen: Screen[Row], until_ns: int
) -> None:
    while time.monotonic_ns() < until_ns:
        turns = _turns(host)
        rows = [
            Row(name, tenant.expected or 0.0, turns.get(name, Turns()).share_1s / 100, style)
            for (name, tenant), style in zip(tenants.items(), _COLOURS, strict=True)
        ]
        screen.show(rows)
        _sleep_until(min(until_ns, time.monotonic_ns() + _STEP_NS))


def _sleep_until(at_ns: int) -> None:
    time.sleep(max(0.0, (at_ns - time.monotonic_ns()) / SECOND))


def _turns(host: DeviceHost) -> dict[str, Turns]:
    """What the device host says, by the tenants' names."""
    return {usage.name: usage.turns for usage in host.list_vgpus()}


def _accounts(first: Turns, last: Turns) -> float:
    return 100 * (last.held_ns - first.held_ns) / max(1, last.at_ns - first.at_ns)


def _table(rows: Sequence[Row]) -> Table:
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    drawn.add_column("vGPU", no_wrap=True)
    drawn.add_column("promised", justify="right", no_wrap=True)
    drawn.add_column("has", justify="right", no_wrap=True)
    drawn.add_column("", no_wrap=True)
    for row in rows:
        drawn.add_row(
            Text(row.tenant, style="bold"),
            f"{row.promised:g} %",
            f"{row.lately:.1f} %",
            _marked(bar(row.lately / 100, row.style, _BAR), row.promised / 100),
        )
    return drawn


def _marked(drawn: Text, part: float) -> Text:
    """The bar with a mark where the promise is."""
    at = round(part * _BAR)
    return Text.assemble(drawn[:at], ("┃", "bold"), drawn[at + 1 :])


def _plain(row: Row) -> str:
    return f"  {row.tenant:10} promised {row.promised:g} %, has {row.lately:.1f} %"
