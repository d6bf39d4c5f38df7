"""The columns of the three tables."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text

from aliquot.tui import palette
from aliquot.tui.bars import Pen
from aliquot.tui.grid import Column, words
from aliquot.tui.view import DeviceView, ProcessView, VgpuView

_PRIORITIES = {"latency": 0, "normal": 1, "batch": 2}


def size(number: int | None) -> str:
    """Bytes in at most five characters: 3.9G is 3.9 GiB."""
    if number is None:
        return "?"
    if number < 1024:
        return f"{number}B"
    value, unit = float(number), "B"
    for unit in "KMGTPE":  # noqa: B007 - the last one is used
        value /= 1024
        if value < 999.5:
            break
    digits = 1 if value < 9.95 else 0
    return f"{value:.{digits}f}".removesuffix(".0") + unit


def percent(share: float | None) -> str:
    """A share in percent without decimals."""
    return "?" if share is None else f"{share:.0f}%"


def _plain(read: Callable[[VgpuView], str]) -> Callable[[VgpuView, int], Text]:
    return lambda row, _: Text(read(row))


def vgpu_columns(
    pen: Pen, place_of: Callable[[str], str], missed: Callable[[VgpuView], bool]
) -> list[Column[VgpuView]]:
    """vGPUs; `place_of` is the short name of a device, `missed` whether a promise is."""

    def memory(row: VgpuView, width: int) -> Text:
        used, limit = row.memory_used, row.memory_limit
        told = f"{size(used)}/{size(limit)}"
        share = used / limit if used is not None and limit else None
        style = palette.WAITING if share is not None and share > 0.95 else palette.HAVING
        return pen.bar(share, width - 11, style=style) + Text(told.rjust(11))

    def share(row: VgpuView, width: int) -> Text:
        had = None if row.share is None else row.share / 100
        bad = missed(row)
        style = palette.BAD if bad else palette.HAVING
        bar = pen.bar(had, width - 9, mark=row.shares.guarantee / 10_000, style=style)
        told = f"{percent(row.share)}/{row.shares.guarantee / 100:g}".rjust(8)
        return bar + Text(told + ("!" if bad else " "), palette.BAD if bad else "")

    def waiting(row: VgpuView, _: int) -> Text:
        crowded = row.waiting is not None and row.waiting > 50
        return Text(percent(row.waiting), palette.WAITING if crowded else "")

    def state(row: VgpuView, _: int) -> Text:
        return Text(row.state, palette.STATES.get(row.state, ""))

    def limit(row: VgpuView) -> str:
        return f"{row.shares.limit / 100:g}%"

    def copies(row: VgpuView) -> str:
        return "?" if row.copy_rate is None else f"{size(row.copy_rate)}/s"

    column = Column[VgpuView]
    return [
        column("vGPU", 10, _plain(lambda row: words(row.name)), lambda row: row.name,
               grow=2, most=40, importance=9),
        column("owner", 6, _plain(lambda row: words(row.owner)), lambda row: row.owner,
               grow=1, most=16),
        column("dev", 3, _plain(lambda row: place_of(row.device)),
               lambda row: place_of(row.device)),
        column("memory/quota", 18, memory, lambda row: row.memory_used,
               grow=2, most=40, descending=True, importance=8),
        column("share/promise", 16, share, lambda row: row.share,
               grow=4, most=60, descending=True, importance=9),
        column("wait", 4, waiting, lambda row: row.waiting,
               right=True, descending=True, importance=7),
        column("prio", 7, _plain(lambda row: row.shares.priority.word),
               lambda row: _PRIORITIES[row.shares.priority.word]),
        column("state", 9, state, lambda row: row.state, importance=8),
        column("limit", 5, _plain(limit), lambda row: row.shares.limit,
               right=True, importance=3),
        column("weight", 6, _plain(lambda row: str(row.shares.weight)),
               lambda row: row.shares.weight, right=True, importance=2),
        column("10 s", 5, _plain(lambda row: percent(row.share_10s)),
               lambda row: row.share_10s, right=True, descending=True, importance=3),
        column("procs", 5, _plain(lambda row: str(row.processes)), lambda row: row.processes,
               right=True, descending=True, importance=3),
        column("kernels", 9,
               _plain(lambda row: "?" if row.kernels is None else str(row.kernels)),
               lambda row: row.kernels, right=True, descending=True, importance=1),
        column("copies", 9, _plain(copies), lambda row: row.copy_rate,
               right=True, descending=True, importance=2),
    ]  # fmt: skip


def device_columns(pen: Pen) -> list[Column[DeviceView]]:
    """Devices, in the order of their indices."""

    def name(row: DeviceView, _: int) -> Text:
        told = words(row.name)
        if not row.present:
            return Text.assemble(("LOST ", palette.BAD), told)
        return Text.assemble(("simulated ", palette.QUIET), told) if row.simulated else Text(told)

    def use(row: DeviceView, width: int) -> Text:
        share = None if row.use is None else row.use / 100
        return pen.bar(share, width - 5) + Text(percent(row.use).rjust(5))

    def memory(row: DeviceView, width: int) -> Text:
        share = row.memory_used / row.memory if row.memory_used is not None and row.memory else None
        told = f"{size(row.memory_used)}/{size(row.memory) if row.memory else '?'}"
        reserved = row.memory_reserved / row.memory if row.memory else None
        return pen.bar(share, width - 11, mark=reserved) + Text(told.rjust(11))

    def power(row: DeviceView, _: int) -> Text:
        return Text("-" if row.power is None else f"{row.power:.0f} W")

    def temperature(row: DeviceView, _: int) -> Text:
        return Text("-" if row.temperature is None else f"{row.temperature:.0f} C")

    def number(row: DeviceView) -> int:
        return 1 << 30 if row.number is None else row.number

    column = Column[DeviceView]
    return [
        column("#", 2, lambda row, _: Text("-" if row.number is None else str(row.number)), number,
               importance=9),
        column("device", 12, name, lambda row: row.name, grow=3, most=60, importance=9),
        column("use", 13, use, lambda row: row.use, grow=2, most=40, descending=True,
               importance=9),
        column("memory |reserved", 18, memory, lambda row: row.memory_used, grow=2, most=50,
               descending=True, importance=8),
        column("power", 5, power, lambda row: row.power, right=True, descending=True,
               importance=5),
        column("temp", 5, temperature, lambda row: row.temperature, right=True,
               descending=True, importance=5),
        column("policy", 11, lambda row, _: Text(row.policy or "-"), lambda row: row.policy,
               importance=6),
        column("promised", 8, lambda row, _: Text(percent(row.granted)),
               lambda row: row.granted, right=True, descending=True, importance=3),
        column("vGPUs", 5, lambda row, _: Text(str(row.vgpus)), lambda row: row.vgpus,
               right=True, descending=True, importance=3),
    ]  # fmt: skip


def process_columns() -> list[Column[ProcessView]]:
    """Guest processes, those that use the most memory first."""
    column = Column[ProcessView]
    return [
        column("pid", 7, lambda row, _: Text(str(row.process_id)), lambda row: row.process_id,
               right=True, importance=9),
        column("user", 8, lambda row, _: Text(words(row.user)), lambda row: row.user,
               grow=1, most=16),
        column("vGPU", 12, lambda row, _: Text(words(row.vgpu_name)),
               lambda row: row.vgpu_name, grow=1, most=40, importance=8),
        column("memory", 7, lambda row, _: Text(size(row.memory)), lambda row: row.memory,
               right=True, descending=True, importance=8),
        column("command", 20, lambda row, _: Text(words(row.command) or "(may not be read)"),
               lambda row: row.command, grow=8, importance=9),
    ]  # fmt: skip
