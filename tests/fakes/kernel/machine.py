"""A machine with that kernel: its sysfs is mounted, its /proc a folder with whom one puts in."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.kernel.fuse import Mount
from tests.fakes.kernel.mdev import MdevBus
from tests.fakes.kernel.pci import Pci
from tests.fakes.kernel.tree import Dir, Node, Refused, fixed, texts


class Machine:
    """A kernel that does what is written to it, with faults on demand."""

    def __init__(self, folder: Path) -> None:
        self.pci = Pci()
        self.mdev = MdevBus()
        self.proc = folder / "proc"
        self.proc.mkdir()
        self.denied = False
        self.writes: list[tuple[str, str]] = []
        self._die_at: tuple[int, bool] | None = None
        self._victims_writes = 0
        self.root = fixed(self._tree())

    def _tree(self) -> dict[str, Node]:
        return {
            "bus": fixed(
                {"pci": fixed(self.pci.tree()), "mdev": fixed({"devices": self.mdev.devices()})}
            ),
            "class": fixed({"mdev_bus": self.mdev.classes()}),
            "kernel": fixed({"iommu_groups": self.pci.groups()}),
        }

    @contextmanager
    def mounted(self, folder: Path) -> Iterator[str]:
        """The path of its sysfs; raises NoFuse."""
        folder.mkdir()
        with Mount(self.root, str(folder)) as mount:
            mount.before, mount.after = self._before, self._after
            yield mount.path

    def state(self) -> dict[str, str]:
        """All that sysfs shows."""
        return dict(texts(self.root))

    def opens(self, process: int, name: str, file: str) -> None:
        """Put a process in that has a device file open."""
        descriptors = self.proc / str(process) / "fd"
        descriptors.mkdir(parents=True, exist_ok=True)
        (self.proc / str(process) / "comm").write_text(f"{name}\n")
        (descriptors / str(len(list(descriptors.iterdir())))).symlink_to(file)

    def ends(self, process: int) -> None:
        """Take a process out."""
        folder = self.proc / str(process)
        for path in [*(folder / "fd").iterdir(), folder / "comm"]:
            path.unlink()
        (folder / "fd").rmdir()
        folder.rmdir()

    def kill_at(self, write: int, *, done: bool) -> None:
        """Kill who makes the write of that number from now, before or after it is carried out."""
        self._die_at, self._victims_writes = (write, done), 0

    def kill_nobody(self) -> None:
        self._die_at = None

    def _before(self, path: str, text: str, process: int) -> None:
        self.writes.append((path, text))
        if self.denied:
            raise Refused(errno.EACCES)
        self._victims_writes += 1
        self._kill(process, done=False)

    def _after(self, path: str, text: str, process: int) -> None:
        self._kill(process, done=True)

    def _kill(self, process: int, *, done: bool) -> None:
        if self._die_at == (self._victims_writes, done) and process != os.getpid():
            os.kill(process, signal.SIGKILL)
            if not done:
                raise Refused(errno.EINTR)


__all__ = ["Dir", "Machine"]
