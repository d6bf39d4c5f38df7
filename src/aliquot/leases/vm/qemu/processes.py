"""The QEMUs that run on this machine, by name, with the socket of their monitor.

Format of the options: QEMU's own, `-name [guest=]NAME,…`, `-qmp unix:PATH,…`, and `-mon
mode=control,chardev=ID` with `-chardev socket,id=ID,path=PATH`.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from aliquot.devices.users import PROC

_MOST_BYTES = 1 << 20


class Running(NamedTuple):
    """A QEMU: its process, its name, and where its monitor listens."""

    process_id: int
    name: str
    monitor: str
    user_id: int


def running(proc: str = PROC) -> Iterator[Running]:
    """All that have a name and a monitor for programs."""
    for entry in os.listdir(proc):
        if not entry.isdigit():
            continue
        folder = os.path.join(proc, entry)
        words = _command_line(os.path.join(folder, "cmdline"))
        if not words or not os.path.basename(words[0]).startswith(("qemu-system-", "qemu-kvm")):
            continue
        name, monitor = named(words), monitor_of(words)
        owner = _owner(folder)
        if name and monitor and owner is not None:
            yield Running(int(entry), name, monitor, owner)


def named(words: Sequence[str]) -> str | None:
    """The name in a command line."""
    told = _values(words, "-name")
    if not told:
        return None
    options = _options(told[-1], "guest")
    return options.get("guest")


def monitor_of(words: Sequence[str]) -> str | None:
    """The path of the Unix socket of a QMP monitor in a command line."""
    for value in _values(words, "-qmp"):
        if value.startswith("unix:"):
            return _absolute(_parts(value.removeprefix("unix:"))[0])
    sockets = {
        options.get("id"): options.get("path")
        for options in (_options(value, "backend") for value in _values(words, "-chardev"))
        if options.get("backend") == "socket"
    }
    for value in _values(words, "-mon"):
        options = _options(value, "chardev")
        path = sockets.get(options.get("chardev"))
        if options.get("mode") == "control" and path:
            return _absolute(path)
    return None


def _values(words: Sequence[str], option: str) -> list[str]:
    """What follows an option, which may be written with one hyphen or two."""
    return [value for word, value in itertools.pairwise(words) if word in (option, f"-{option}")]


def _options(value: str, first: str) -> dict[str, str]:
    """`a=1,b=2`; what stands first without a key has the key `first`."""
    found: dict[str, str] = {}
    for number, part in enumerate(_parts(value)):
        key, equals, text = part.partition("=")
        if equals:
            found[key] = text
        elif number == 0:
            found[first] = part
    return found


def _parts(value: str) -> list[str]:
    """What commas divide; one that is written twice is a comma of the text."""
    return [part.replace("\0", ",") for part in value.replace(",,", "\0").split(",")]


def _absolute(path: str) -> str | None:
    """A path from the root on; what is relative to a QEMU's folder could be anything by now."""
    return path if os.path.isabs(path) else None


def _owner(folder: str) -> int | None:
    """Whose a process is. Of one that can't be dumped the files are root's, the folder is not."""
    try:
        return os.stat(folder).st_uid
    except OSError:
        return None


def _command_line(path: str) -> list[str]:
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST_BYTES)
    except OSError:
        return []
    return [os.fsdecode(word) for word in data.rstrip(b"\0").split(b"\0")] if data else []
