"""What of Debian's kernel package a guest needs: the kernel itself, unpacked, and some modules."""

from __future__ import annotations

import lzma
import re
import struct
from collections.abc import Iterable
from pathlib import Path

from tools.setup.report import SetupError

_SETUP_SECTORS, _PAYLOAD = 0x1F1, 0x248  # Linux's Documentation/arch/x86/boot.rst


def unpacked(image: Path, target: Path) -> Path:
    """The ELF file in a bzImage: a guest that starts from that needs not unpack it, emulated."""
    data = image.read_bytes()
    sectors = data[_SETUP_SECTORS] or 4
    offset, length = struct.unpack_from("<II", data, _PAYLOAD)
    begin = (sectors + 1) * 512 + offset
    try:
        elf = lzma.LZMADecompressor().decompress(data[begin : begin + length])
    except lzma.LZMAError as error:
        raise SetupError(f"{image} is not compressed by xz, as Debian's kernels are") from error
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(elf)
    return target


def modules(folder: Path, names: Iterable[str]) -> list[Path]:
    """The files of kernel modules and of what they depend on, in the order to load them."""
    files = {_plain(path.name.partition(".ko")[0]): path for path in folder.rglob("*.ko")}
    found: dict[str, Path] = {}

    def add(name: str) -> None:
        if name not in files:
            raise SetupError(f"the kernel in {folder} has no module {name}")
        if name in found:
            return
        for needed in _needs(files[name]):
            add(needed)
        found[name] = files[name]

    for name in names:
        add(_plain(name))
    return list(found.values())


def _needs(module: Path) -> list[str]:
    told = re.search(rb"\0depends=([^\0]*)\0", module.read_bytes())
    return [_plain(name) for name in told[1].decode().split(",") if name] if told else []


def _plain(name: str) -> str:
    """A module's file may have hyphens where its name has underscores."""
    return name.replace("-", "_")
