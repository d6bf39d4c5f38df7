"""A QEMU whose processor stands still, driven from outside: its ports and its memory.

The protocol is QEMU's own for tests of devices (docs/devel/qtest.rst of its source).
"""

from __future__ import annotations

import socket
from pathlib import Path

_SECONDS = 60.0
_ADDRESS, _DATA = 0xCF8, 0xCFC  # PCI Local Bus 3.0, 3.2.2.3.2
_COMMAND, _FIRST_BAR = 0x04, 0x10
_MEMORY = 0x2


class Qtest:
    """One connection; devices of bus 0 are named by their number."""

    def __init__(self, path: Path) -> None:
        """Where `-qtest unix:PATH,server=on,wait=off` listens."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_SECONDS)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("r")

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def config(self, device: int, register: int, value: int | None = None) -> int:
        """Read a register of the configuration space, or write it."""
        self._say(f"outl {_ADDRESS:#x} {0x80000000 | device << 11 | register:#x}")
        if value is None:
            return self._number(f"inl {_DATA:#x}")
        self._say(f"outl {_DATA:#x} {value:#x}")
        return value

    def device(self, vendor: int, product: int) -> int:
        """The number of a device on bus 0."""
        wanted = product << 16 | vendor
        return next(number for number in range(32) if self.config(number, 0) == wanted)

    def bar_size(self, device: int, number: int = 0) -> int:
        """Bytes, as the device answers when all bits are written."""
        register = _FIRST_BAR + 4 * number
        self.config(device, register, 0xFFFFFFFF)
        return (~(self.config(device, register) & ~0xF) + 1) & 0xFFFFFFFF

    def map_bar(self, device: int, address: int, number: int = 0) -> None:
        """Let its memory lie at an address."""
        self.config(device, _FIRST_BAR + 4 * number, address)
        self.config(device, _COMMAND, _MEMORY)

    def write(self, address: int, value: int) -> None:
        self._say(f"writel {address:#x} {value:#x}")

    def read(self, address: int) -> int:
        return self._number(f"readl {address:#x}")

    def out(self, port: int, value: int, size: str = "b") -> None:
        """Write to a port; `size` is b, w or l for 1, 2 or 4 bytes."""
        self._say(f"out{size} {port:#x} {value:#x}")

    def _number(self, command: str) -> int:
        return int(self._say(command)[0], 16)

    def _say(self, command: str) -> list[str]:
        self._socket.sendall(f"{command}\n".encode())
        while words := self._lines.readline().split():
            if words[0] == "OK":
                return words[1:]
            assert words[0] == "IRQ", words
        raise AssertionError("QEMU has hung up")
