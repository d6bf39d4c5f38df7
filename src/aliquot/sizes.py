"""Sizes of memory and durations, as people write and read them."""

from __future__ import annotations

import itertools
import re

from aliquot.errors import BadDuration, BadSize

_UNITS = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgt", start=1):
    _UNITS[_letter] = _UNITS[_letter + "ib"] = 1024**_power
    _UNITS[_letter + "b"] = 1000**_power

_NUMBER = re.compile(r"([0-9]{1,19})(?:\.([0-9]{1,18}))? ?([A-Za-z]*)", re.ASCII)
LARGEST_SIZE = 2**63 - 1

_MS = 1_000_000
_SECOND = 1000 * _MS
_MINUTE = 60 * _SECOND
_DURATION_UNITS = {
    "ms": _MS,
    "": _SECOND,
    "s": _SECOND,
    "m": _MINUTE,
    "min": _MINUTE,
    "h": 60 * _MINUTE,
    "d": 24 * 60 * _MINUTE,
}
_SHOWN_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
LONGEST_DURATION_MS = 24 * 60 * 60 * 1000
LONGEST_WAIT_MS = 10 * 365 * LONGEST_DURATION_MS


def parse_size(text: str) -> int:
    """Bytes in a string like `2GiB`, `512M`, `1.5G` or `4096`; raises BadSize.

    K, M, G, T and KiB … TiB count by 1024, KB … TB by 1000. A fraction of a byte is dropped.
    """
    size = _scaled(text, _UNITS)
    if size is None:
        raise BadSize(f"{_shown(text)} is not a size")
    if not 0 < size <= LARGEST_SIZE:
        raise BadSize(f"the size {_shown(text)} is {'too large' if size else 'nothing'}")
    return size


def parse_duration_ms(text: str, longest_ms: int = LONGEST_DURATION_MS) -> int:
    """Milliseconds in a string like `2s`, `500ms`, `10m` or `1.5`; raises BadDuration."""
    nanoseconds = duration_ns(text)
    if nanoseconds is None:
        raise BadDuration(f"{_shown(text)} is not a duration")
    milliseconds = nanoseconds // _MS
    if not 0 < milliseconds <= longest_ms:
        hours = longest_ms // (60 * 60 * 1000)
        longest = f"{hours} hours" if hours <= 24 else f"{hours // 24} days"
        raise BadDuration(f"the duration {_shown(text)} is not between 1 ms and {longest}")
    return milliseconds


def duration_ns(text: str) -> int | None:
    """Nanoseconds in a duration as parse_duration_ms reads it; None where it isn't one."""
    return _scaled(text, _DURATION_UNITS)


def format_size(size: int) -> str:
    """A size in the largest binary unit that leaves at least 1: `1.50 GiB`, never rounded up."""
    if size < 1024:
        return f"{size} B"
    power = min((size.bit_length() - 1) // 10, 4)
    whole, rest = divmod(size, 1024**power)
    hundredths = rest * 100 // 1024**power
    unit = ("KiB", "MiB", "GiB", "TiB")[power - 1]
    return f"{whole}.{hundredths:02} {unit}" if rest else f"{whole} {unit}"


def _scaled(text: str, units: dict[str, int]) -> int | None:
    """The number times its unit, in integers only: 0.1GiB must not depend on binary fractions."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        return None
    whole, fraction, unit = match.group(1), match.group(2) or "", match.group(3).lower()
    factor = units.get(unit)
    if factor is None:
        return None
    return int(whole + fraction) * factor // 10 ** len(fraction)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def format_duration(milliseconds: int) -> str:
    """A duration in its largest unit and the one below, like `1 h 30 min`, never rounded up."""
    seconds = max(0, milliseconds) // 1000
    for (unit, length), (below, part) in itertools.pairwise(_SHOWN_UNITS):
        if seconds >= length:
            rest = seconds % length // part
            return f"{seconds // length} {unit}" + (f" {rest} {below}" if rest else "")
    return f"{seconds} s"
