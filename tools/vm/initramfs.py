"""An initial file system for a guest: BusyBox, modules, and a script that hands over to its root.

The archive is what Linux's Documentation/driver-api/early-userspace/buffer-format.rst calls newc.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

# The guest's root is the host's, shared read-only by 9p under the tag `host`. What the command
# says goes to the second serial port, which no message of the kernel disturbs.
_INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /below /above /whole
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
exec >/dev/ttyS1 2>&1
for module in $(cat /order); do insmod /modules/$module || echo "@@no $module"; done
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=524288,cache=loose host /below || poweroff -f
mount -t tmpfs -o size=60% above /above; mkdir /above/changes /above/work
mount -t overlay -o lowerdir=/below,upperdir=/above/changes,workdir=/above/work all /whole \\
  || poweroff -f
mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts; mount -t tmpfs shm /dev/shm
for folder in proc sys dev; do mount --move /$folder /whole/$folder; done
cp /command /whole/command; ip link set lo up
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
chroot /whole /bin/sh /command </whole/dev/null
echo "@@status $?"
poweroff -f
"""


def write(target: Path, command: str, busybox: Path, modules: Sequence[Path]) -> None:
    """Write the archive."""
    files: dict[str, tuple[int, bytes]] = {
        "init": (0o755, _INIT.encode()),
        "command": (0o644, command.encode()),
        "order": (0o644, " ".join(module.name for module in modules).encode()),
        "bin/busybox": (0o755, busybox.read_bytes()),
        **{f"modules/{module.name}": (0o644, module.read_bytes()) for module in modules},
    }
    target.write_bytes(_archive(files))


def _archive(files: Mapping[str, tuple[int, bytes]]) -> bytes:
    folders = sorted({str(parent) for name in files for parent in Path(name).parents} - {"."})
    entries = [(name, stat.S_IFDIR | 0o755, b"") for name in folders]
    entries += [(name, stat.S_IFREG | mode, data) for name, (mode, data) in files.items()]
    packed = bytearray()
    for number, (name, mode, data) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        raw = name.encode() + b"\0"
        numbers = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
        packed += b"070701" + b"".join(b"%08x" % value for value in numbers) + raw
        packed += b"\0" * (-len(packed) % 4) + data
        packed += b"\0" * (-len(packed) % 4)
    return bytes(packed)
