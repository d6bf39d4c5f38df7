"""A tree of files that are computed when they are looked at."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping


class Refused(OSError):
    """An errno for whoever made the call."""

    def __init__(self, number: int) -> None:
        super().__init__(number, errno.errorcode[number])


class File:
    """A file; what can't be read, or not written, refuses."""

    def __init__(
        self,
        read: Callable[[], str] | str | None = None,
        write: Callable[[str], None] | None = None,
    ) -> None:
        self._read = read
        self._write = write

    @property
    def mode(self) -> int:
        return (0o400 if self._read is not None else 0) | (0o200 if self._write else 0)

    def text(self) -> str:
        if self._read is None:
            raise Refused(errno.EIO)
        return (self._read if isinstance(self._read, str) else self._read()) + "\n"

    def write(self, text: str) -> None:
        if self._write is None:
            raise Refused(errno.EACCES)
        self._write(text)


class Link:
    """A symbolic link."""

    def __init__(self, target: str) -> None:
        self.target = target


class Dir:
    """A folder, whose entries are made when it is looked at."""

    def __init__(self, entries: Callable[[], Mapping[str, Node]]) -> None:
        self.entries = entries


Node = File | Link | Dir


def fixed(entries: Mapping[str, Node]) -> Dir:
    return Dir(lambda: entries)


def resolve(root: Dir, path: str) -> Node | None:
    """What lies at a path, without following links."""
    node: Node | None = root
    for part in filter(None, path.split("/")):
        node = node.entries().get(part) if isinstance(node, Dir) else None
    return node


def texts(root: Dir, path: str = "") -> Iterator[tuple[str, str]]:
    """The path of everything below, with what a file says, or where a link leads."""
    for name, node in sorted(root.entries().items()):
        here = f"{path}/{name}"
        if isinstance(node, Dir):
            yield here, "/"
            yield from texts(node, here)
        elif isinstance(node, Link):
            yield here, f"-> {node.target}"
        elif node.mode & 0o400:
            yield here, node.text()
