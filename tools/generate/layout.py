"""Where each field of a command lies in its frame.

A frame is the 8-byte header, a fixed part, then the arrays. In the fixed part come the 64-bit
fields, the 32-bit fields and the arrays' counts (u32), each in the table's order, so that nothing
but the end needs padding; every array is padded to 8. Padding is zero, and the decoder insists.
"""

from __future__ import annotations

from dataclasses import dataclass

from tools.generate.table import Command, Field

HEADER_BYTES = 8


def padded(size: int) -> int:
    """The next multiple of 8."""
    return (size + 7) // 8 * 8


@dataclass(frozen=True)
class Slot:
    """A value in the fixed part: the C++ expression that names it, its type and its offset."""

    member: str
    cpp: str
    size: int
    offset: int


@dataclass(frozen=True)
class Layout:
    """The whole frame of one command."""

    slots: tuple[Slot, ...]
    counts: tuple[Slot, ...]  # one an array, in order; member is the array's name
    used: int  # bytes of the fixed part with the header, without padding
    fixed: int  # the same with padding
    largest: int  # bytes of the largest frame that the table allows


def layout_of(command: Command, reply_fields: tuple[Field, ...]) -> Layout:
    """Places the fields of a command."""
    members = [(f.name, f.element) for f in command.scalars]
    if command.reply is not None:
        replies = [("reply." + f.name.removeprefix("reply_"), f.element) for f in reply_fields]
        members = replies + members
    members.sort(key=lambda member: -member[1].size)  # stable: the table's order within a size
    slots: list[Slot] = []
    offset = HEADER_BYTES
    for name, element in members:
        slots.append(Slot(name, element.cpp, element.size, offset))
        offset += element.size
    counts: list[Slot] = []
    for array in command.arrays:
        counts.append(Slot(array.name, "uint32_t", 4, offset))
        offset += 4
    largest = padded(offset)
    for array in command.arrays:
        largest += padded((array.max or 0) * array.element.size)
    return Layout(tuple(slots), tuple(counts), offset, padded(offset), largest)
