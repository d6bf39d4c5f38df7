"""The journal of the modes: what was made for each vGPU, and what was about to be done with it.

A file for each vGPU, replaced as a whole before and after every change of the hardware, so that a
death at any moment leaves either what was or an intent that can be undone. The folder lies in the
runtime directory, which a restart of the machine empties: so it does with what is described here,
for the kernel forgets bindings, mdevs and virtual functions, and NVIDIA's driver MIG instances.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Generator
from enum import StrEnum

import msgspec

from aliquot import runtime_directory
from aliquot.errors import BadRuntimeDirectory, HardwareBusy, NotMade
from aliquot.model.modes import Mode
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

_PATIENCE_S = 30.0
_PAUSE_S = 0.01
_MOST_BYTES = 1 << 20


class Stage(StrEnum):
    """How far a vGPU's hardware is; the last three are intents, which a death leaves undone."""

    MADE = "made"
    ATTACHED = "attached"
    MAKING = "making"
    MOVING = "moving"  # to a consumer or back from it
    ENDING = "ending"


class FunctionBefore(msgspec.Struct, frozen=True, kw_only=True):
    """A PCI function as it was before it was taken; no driver: None."""

    address: str
    driver: str | None = None
    override: str | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal knows of one vGPU.

    Of the PCI functions in `whole` nobody else may have anything, of those in `shared` others have
    partitions, too. The other fields are the modes' own.
    """

    vgpu: str
    mode: Mode
    stage: Stage
    device: str
    id: str
    whole: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    type: str | None = None
    memory: int | None = None
    rom: str | None = None
    forced: bool = False
    before: tuple[FunctionBefore, ...] = ()
    virtual_functions: int | None = None  # as many as there were when it was made
    resets_count: bool = False  # we made the virtual functions: they go with the last vGPU
    had: str | None = None  # the virtual function that it had, where it is made again
    parent: str | None = None  # of an mdev
    start: int | None = None  # of a MIG instance, in memory slices
    instance: int | None = None  # its number at the driver, once there is one


def folder() -> str:
    """Where the journal is."""
    return os.path.join(runtime_directory.path(), "modes")


class Journal:
    """All entries, one writer at a time."""

    def __init__(self, path: str | None = None, patience_s: float = _PATIENCE_S) -> None:
        """Keep it in this folder, by default the one of this user."""
        self.path = path or folder()
        self._patience_s = patience_s

    @contextlib.contextmanager
    def locked(self) -> Generator[None]:
        """Be the only one, among all processes, who changes hardware; raises HardwareBusy."""
        self._prepare()
        lock = os.open(
            os.path.join(self.path, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            until = time.monotonic() + self._patience_s
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= until:
                        raise HardwareBusy() from None
                    time.sleep(_PAUSE_S)
            yield
        finally:
            os.close(lock)

    def entries(self) -> list[Entry]:
        """All there are, in the order of their vGPUs; one that can't be read is left out."""
        return [entry for entry in map(self._read, self._names()) if entry is not None]

    def unreadable(self) -> list[str]:
        """The files that are no entries, say of another version."""
        return [self._file(name) for name in self._names() if self._read(name) is None]

    def find(self, vgpu: str) -> Entry | None:
        """What is known of a vGPU."""
        return self._read(vgpu)

    def get(self, vgpu: str, mode: Mode) -> Entry:
        """What a mode made for a vGPU; raises NotMade."""
        entry = self._read(vgpu)
        if entry is None or entry.mode is not mode:
            raise refusal(NotMade, Why.NOTHING_MADE, vgpu=vgpu, mode=mode.value)
        return entry

    def put(self, entry: Entry) -> Entry:
        """Keep an entry in place of the vGPU's last one."""
        path = self._file(entry.vgpu)
        temporary = f"{path}.new"
        try:
            with open(temporary, "wb") as file:
                file.write(msgspec.json.encode(entry))
            os.replace(temporary, path)
        except OSError as error:
            raise BadRuntimeDirectory(f"{path!r} can't be written: {error.strerror}") from error
        return entry

    def remove(self, vgpu: str) -> None:
        """Forget a vGPU."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._file(vgpu))

    def _names(self) -> list[str]:
        try:
            found = sorted(os.listdir(self.path))
        except OSError:
            return []
        return [name.removesuffix(".json") for name in found if name.endswith(".json")]

    def _file(self, vgpu: str) -> str:
        return os.path.join(self.path, f"{os.path.basename(vgpu)}.json")

    def _read(self, vgpu: str) -> Entry | None:
        try:
            with open(self._file(vgpu), "rb") as file:
                return msgspec.json.decode(file.read(_MOST_BYTES), type=Entry)
        except (OSError, msgspec.MsgspecError):
            return None

    def _prepare(self) -> None:
        try:
            os.makedirs(self.path, mode=0o700, exist_ok=True)
        except OSError as error:
            raise BadRuntimeDirectory(f"{self.path!r} can't be made: {error.strerror}") from error
        if problem := runtime_directory.problem_of(self.path):
            raise BadRuntimeDirectory(f"the folder {self.path!r} {problem}")
