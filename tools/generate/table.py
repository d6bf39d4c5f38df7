"""The command table of one API, read from spec/<api>/commands.toml and checked."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

COSTS = ("light", "driver", "device", "compiler")
RECORDS = ("none", "creates", "destroys", "mutates", "depends")

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_SCALARS = {"u32": ("uint32_t", 4), "i32": ("int32_t", 4), "u64": ("uint64_t", 8)}
_RESERVED = {
    "class", "const", "default", "delete", "double", "enum", "explicit", "export", "float", "for",
    "int", "long", "namespace", "new", "operator", "private", "public", "register", "return",
    "short", "signed", "static", "struct", "switch", "template", "this", "union", "unsigned",
    "using", "virtual", "void", "volatile", "reply",
}  # fmt: skip


class TableError(Exception):
    """A table in spec/ contradicts itself; the text says where and what."""


@dataclass(frozen=True)
class Element:
    """One scalar: a number or an object's id."""

    type: str  # u32, i32, u64 or u8
    kind: str | None = None  # the object kind where it is an id
    new: bool = False  # the id must be free

    @property
    def cpp(self) -> str:
        """The C++ type that holds it."""
        return "uint8_t" if self.type == "u8" else _SCALARS[self.type][0]

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return 1 if self.type == "u8" else _SCALARS[self.type][1]


@dataclass(frozen=True)
class Field:
    """One field of a command."""

    name: str
    element: Element
    optional: bool = False  # an id that may be 0
    max: int | None = None  # most elements; None: not an array
    show: str | None = None  # how a trace prints it: hex, or text for bytes

    @property
    def is_array(self) -> bool:
        """True for arrays and bytes, which follow the fixed part of the frame."""
        return self.max is not None


@dataclass(frozen=True)
class Command:
    """One command of the wire."""

    name: str
    opcode: int
    fields: tuple[Field, ...]
    reply: str | None
    asynchronous: bool
    cost: str
    records: str

    @property
    def struct(self) -> str:
        """The name of its C++ struct."""
        return camel(self.name) + "Command"

    @property
    def constant(self) -> str:
        """The name of its opcode's enumerator."""
        return "k" + camel(self.name)

    @property
    def scalars(self) -> tuple[Field, ...]:
        """The fields of the fixed part."""
        return tuple(f for f in self.fields if not f.is_array)

    @property
    def arrays(self) -> tuple[Field, ...]:
        """The fields of varying length, in order."""
        return tuple(f for f in self.fields if f.is_array)


@dataclass(frozen=True)
class CommandTable:
    """All commands of one API."""

    api: str
    source: str  # path relative to the project's root, for the generated files' first line
    kinds: tuple[str, ...]
    reply_fields: tuple[Field, ...]
    commands: tuple[Command, ...] = field(default=())


def camel(name: str) -> str:
    """`create_sub_devices` becomes `CreateSubDevices`."""
    return "".join(part.capitalize() for part in name.split("_"))


def _known(where: str, entry: dict[str, Any], keys: set[str]) -> None:
    unknown = set(entry) - keys
    if unknown:
        raise TableError(f"{where}: unknown key {', '.join(sorted(unknown))}")


def _element(where: str, text: str, kinds: tuple[str, ...]) -> Element:
    if text in _SCALARS:
        return Element(text)
    use, _, kind = text.partition(":")
    if use in ("handle", "new") and kind in kinds:
        return Element("u32", kind, use == "new")
    raise TableError(f"{where}: unknown type {text!r}")


def _field(where: str, entry: dict[str, Any], kinds: tuple[str, ...]) -> Field:
    _known(where, entry, {"name", "type", "max", "optional", "show"})
    name, text = str(entry["name"]), str(entry["type"])
    where = f"{where}.{name}"
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise TableError(f"{where}: not a usable name")
    limit = entry.get("max")
    optional = bool(entry.get("optional", False))
    show = entry.get("show")
    if show not in ((None, "text") if text == "bytes" else (None, "hex")):
        raise TableError(f"{where}: show is hex, or text for bytes")
    if text == "bytes" or text.startswith("array:"):
        if not isinstance(limit, int) or limit < 1:
            raise TableError(f"{where}: an array needs max >= 1")
        element = Element("u8") if text == "bytes" else _element(where, text[6:], kinds)
        if optional:
            raise TableError(f"{where}: an array can't be optional; it may be empty")
        return Field(name, element, max=limit, show=show)
    if limit is not None:
        raise TableError(f"{where}: max is for arrays")
    element = _element(where, text, kinds)
    if optional and element.kind is None:
        raise TableError(f"{where}: only an id can be optional")
    return Field(name, element, optional, show=show)


def _command(name: str, entry: dict[str, Any], kinds: tuple[str, ...]) -> Command:
    where = f"command.{name}"
    _known(where, entry, {"opcode", "reply", "asynchronous", "cost", "records", "fields"})
    if not _NAME.fullmatch(name):
        raise TableError(f"{where}: not a usable name")
    opcode = entry.get("opcode")
    if not isinstance(opcode, int) or not 0 < opcode < 65536:
        raise TableError(f"{where}: opcode must be 1 to 65535")
    fields = tuple(_field(where, f, kinds) for f in entry.get("fields", []))
    names = [f.name for f in fields]
    if len(set(names)) != len(names):
        raise TableError(f"{where}: a field is named twice")
    asynchronous, reply = bool(entry.get("asynchronous", False)), entry.get("reply")
    if asynchronous == (reply is not None):
        raise TableError(f"{where}: needs either a reply or asynchronous = true")
    cost, records = str(entry.get("cost")), str(entry.get("records", "none"))
    if cost not in COSTS or records not in RECORDS:
        raise TableError(f"{where}: cost {cost!r} or records {records!r} is unknown")
    return Command(name, opcode, fields, reply, asynchronous, cost, records)


def load_commands(root: Path, path: Path) -> CommandTable:
    """Reads and checks one commands.toml; raises TableError."""
    data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    source = path.relative_to(root).as_posix()
    _known(source, data, {"api", "kinds", "reply_fields", "command"})
    kinds = tuple(cast("list[str]", data["kinds"]))
    replies = tuple(_field("reply_fields", f, kinds) for f in data["reply_fields"])
    if any(f.is_array or not f.name.startswith("reply_") for f in replies):
        raise TableError("reply_fields: only scalars whose name starts with reply_")
    entries = cast("dict[str, dict[str, Any]]", data["command"])
    commands = tuple(_command(name, entry, kinds) for name, entry in entries.items())
    opcodes = [c.opcode for c in commands]
    if opcodes != sorted(set(opcodes)):
        raise TableError(f"{source}: opcodes must be unique and ascending")
    return CommandTable(str(data["api"]), source, kinds, replies, commands)
