"""A receipt in words: what was promised, what was received, and where the time went."""

from __future__ import annotations

from typing import Any, NamedTuple, TextIO

from aliquot.model.receipt import Parts, Receipt, Spending
from aliquot.model.shares import Shares
from aliquot.shares import format_shares
from aliquot.sizes import format_size

_BAR = 24


class Promise(NamedTuple):
    """What a vGPU was promised. Memory is in bytes."""

    memory: int
    shares: Shares

    def as_dict(self) -> dict[str, Any]:
        """The promise for `--json`."""
        return {"memory": self.memory, **self.shares.as_dict()}


def part_names(receipt: Receipt) -> dict[str, str]:
    """What each part of the time was, by its field in Parts."""
    return {
        "kernels": "own work on the device",
        "others": "waiting for others",
        "limit": "waiting for its own limit",
        "copies": "copies",
        "syncs": f"own syncs ({_times(receipt.syncs, 'wait')})",
        "round_trips": f"round trips ({_times(receipt.round_trips, 'answer')})",
        "compiling": f"compiling ({_times(receipt.builds, 'build')})",
        "start_up": "start-up",
        "program": "the program itself",
        "elsewhere": "without OpenCL",
    }


def biggest_first(parts: Parts) -> list[tuple[str, int]]:
    """The parts that are there, by name of the field, the biggest first."""
    there = [(name, spent) for name, spent in parts._asdict().items() if spent > 0]
    return sorted(there, key=lambda part: -part[1])


def receipt_lines(name: str, promise: Promise, spending: Spending, stream: TextIO) -> list[str]:
    """The receipt for a terminal or a file."""
    wall, receipt = spending.wall_ns, spending.receipt
    shares = format_shares(promise.shares)
    had = receipt.charged_ns
    lines = [
        f"aliquot: receipt of vGPU {name}",
        f"  promised  {format_size(promise.memory)}; {shares or 'what others leave of the time'}",
        f"  received  the device for {seconds(had)} ({percent(had, wall)} of {seconds(wall)}), in "
        f"{_times(receipt.turns, 'turn')}; waited {seconds(receipt.waited_ns)} for it",
        f"  of {seconds(wall)}",
        *part_lines(spending, stream),
    ]
    if receipt.withheld_ns > wall // 100:
        lines.append(
            f"  in its turns others had the processors for {seconds(receipt.withheld_ns)}: the "
            "operating system's doing, and not charged"
        )
    if spending.parts.others:
        lines.append(
            f"  alone on the device it would have taken about {seconds(spending.alone_ns)}, as far "
            "as waits for others tell"
        )
    if receipt.processes > 1:
        lines.append(
            f"  {receipt.processes} processes used it; where several lived at once, the parts are "
            "their average"
        )
    return lines


def part_lines(spending: Spending, stream: TextIO) -> list[str]:
    """One line a part: its name, time, percentage and a bar."""
    names = part_names(spending.receipt)
    found = biggest_first(spending.parts)
    width = max((len(names[part]) for part, _ in found), default=0)
    full = "\N{FULL BLOCK}" if _can_print(stream, "\N{FULL BLOCK}") else "#"
    lines: list[str] = []
    for part, spent in found:
        bar = full * round(_BAR * spent / max(spending.wall_ns, 1))
        line = f"    {names[part]:<{width}}  {seconds(spent):>10}  "
        lines.append(f"{line}{percent(spent, spending.wall_ns):>7}  {bar}".rstrip())
    return lines


def seconds(nanoseconds: int) -> str:
    """A time in seconds or, where it is short, in ms."""
    if nanoseconds < 100_000_000:
        return f"{nanoseconds / 1e6:.2f} ms"
    return f"{nanoseconds / 1e9:.3f} s"


def percent(part: int, whole: int) -> str:
    """A part of a whole, in percent."""
    return f"{100 * part / max(whole, 1):.1f} %"


def _times(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _can_print(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
