"""Reads the kernel's sysfs, from which anything may be missing, empty, malformed, or gone at once.

Nothing here raises: what can't be read, or isn't what it should be, is None or nothing. All paths
are relative to a root, so that a copied or made-up tree can be read as well.
"""

from __future__ import annotations

import os
import re

ROOT = "/sys"
_MOST_BYTES = 64 << 10
_MOST_NAMES = 10_000
_LARGEST = 2**63 - 1
_DECIMAL = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_HEXADECIMAL = re.compile(r"(?:0x)?([0-9a-f]{1,16})", re.ASCII | re.IGNORECASE)
PCI_DEVICES = "bus/pci/devices"


class Sysfs:
    """A sysfs at a root directory."""

    def __init__(self, root: str = ROOT) -> None:
        """Read below `root`; it need not exist."""
        self.root = root

    def path(self, *parts: str) -> str:
        """The whole path of what lies below the root."""
        return os.path.join(self.root, *parts)

    def text(self, *parts: str) -> str | None:
        """A file's text without the blanks around it; None where there is none or nothing in it."""
        try:
            with open(self.path(*parts), "rb") as file:
                data = file.read(_MOST_BYTES)
        except (OSError, ValueError):
            return None
        text = data.decode("utf-8", "replace").strip()
        return "".join(c if c.isprintable() or c == "\n" else "?" for c in text) or None

    def integer(self, *parts: str) -> int | None:
        """A decimal number; None where the file says anything else."""
        return parse_decimal(self.text(*parts))

    def natural(self, *parts: str) -> int | None:
        """A decimal number that isn't negative."""
        found = self.integer(*parts)
        return None if found is None or found < 0 else found

    def hexadecimal(self, *parts: str, digits: int) -> str | None:
        """So many lower-case digits of a number that the kernel writes like 0x10de."""
        match = _HEXADECIMAL.fullmatch(self.text(*parts) or "")
        if match is None or len(match.group(1).lstrip("0")) > digits:
            return None
        return f"{int(match.group(1), 16):0{digits}x}"

    def names(self, *parts: str) -> list[str]:
        """What lies in a directory, sorted; nothing where there is none."""
        try:
            return sorted(os.listdir(self.path(*parts)))[:_MOST_NAMES]
        except (OSError, ValueError):
            return []

    def exists(self, *parts: str) -> bool:
        """Whether a path leads somewhere."""
        try:
            return os.path.exists(self.path(*parts))
        except ValueError:
            return False

    def link(self, *parts: str) -> str | None:
        """The last part of what a symbolic link points to: a driver's name, a group's number."""
        try:
            return os.path.basename(os.readlink(self.path(*parts)).rstrip("/")) or None
        except (OSError, ValueError):
            return None

    def place(self, *parts: str) -> list[str]:
        """The parts of the path that symbolic links lead to; nothing where it is gone."""
        try:
            return os.path.realpath(self.path(*parts), strict=True).split(os.sep)
        except (OSError, ValueError):
            return []


def parse_decimal(text: str | None) -> int | None:
    """A decimal number within 64 bits, or None."""
    if text is None or not _DECIMAL.fullmatch(text):
        return None
    number = int(text)
    return number if -_LARGEST <= number <= _LARGEST else None


def keyed_numbers(text: str | None, separator: str | None = None) -> dict[str, int]:
    """The numbers of lines like `simd_count 304` or, with a separator, `ue: 0`."""
    found: dict[str, int] = {}
    for line in (text or "").splitlines():
        parts = line.split(separator, 1)
        number = parse_decimal(parts[1].strip()) if len(parts) == 2 else None
        if number is not None:
            found[parts[0].strip()] = number
    return found
