"""The function table of one API, read from spec/<api>/functions.toml and checked."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tools.generate.table import CommandTable, TableError

STATUSES = ("remoted", "guest", "unsupported")
PLANS = ("not yet", "never")

_PARAMETER = re.compile(r"(in|out|inout) (\S.*) (\w+)(?: \[([^\]]+)\])?")
_KEYS = {
    "since", "group", "returns", "status", "commands", "why", "error", "plan", "alias", "untyped",
    "newer", "exported", "slot", "slot_value", "parameters",
}  # fmt: skip
_TABLE_KEYS = {
    "api", "title", "prefix", "call_convention", "headers", "defines", "dispatch", "dispatch_file",
    "error_type", "error_parameter", "internal_commands", "types", "handles", "function",
}  # fmt: skip


@dataclass(frozen=True)
class Parameter:
    """One parameter: direction, type, name, and how much a pointer points to."""

    direction: str
    type: str
    name: str
    length: str | None


@dataclass(frozen=True)
class Function:
    """One function that a program or a loader can call."""

    name: str
    since: str
    group: str
    returns: str
    parameters: tuple[Parameter, ...]
    status: str
    commands: tuple[str, ...]
    why: str | None
    error: str | None
    plan: str | None
    alias: str | None
    untyped: bool  # its slot is a bare pointer
    newer: bool  # the headers at hand may lack its slot
    exported: bool
    slot: bool  # has a place in the dispatch table
    slot_value: str | None

    @property
    def implemented(self) -> bool:
        """True when the guest driver has a function of this name."""
        return self.alias is None and self.status != "unsupported"


@dataclass(frozen=True)
class FunctionTable:
    """All functions of one API."""

    api: str
    title: str
    source: str
    prefix: str
    call_convention: str
    headers: tuple[str, ...]
    defines: dict[str, str]
    dispatch: str | None  # the struct of the dispatch table, where the API has one
    dispatch_file: str
    error_type: str
    error_parameter: str
    internal_commands: tuple[str, ...]
    types: dict[str, str]
    handles: dict[str, str]
    functions: tuple[Function, ...]

    def short(self, function: Function) -> str:
        """The function's name without the API's prefix; an alias has that of what it stands for."""
        return (function.alias or function.name).removeprefix(self.prefix)


def _parameters(where: str, texts: list[str]) -> tuple[Parameter, ...]:
    found: list[Parameter] = []
    for text in texts:
        match = _PARAMETER.fullmatch(text)
        if match is None:
            raise TableError(f"{where}: can't read the parameter {text!r}")
        found.append(Parameter(match[1], match[2], match[3], match[4]))
    names = [p.name for p in found]
    if len(set(names)) != len(names):
        raise TableError(f"{where}: a parameter is named twice")
    for parameter in found:
        length = parameter.length
        if length in (None, "string", "zero-terminated") or length.isdigit():
            continue
        if length.removesuffix(" bytes") not in names:
            raise TableError(f"{where}: the length {length!r} is no parameter")
    return tuple(found)


def _status(where: str, entry: dict[str, Any]) -> None:
    """Refuses a status that lacks what it needs or carries what it can't have."""
    status = entry["status"]
    if status not in STATUSES:
        raise TableError(f"{where}: unknown status {status!r}")
    if (status == "remoted") != bool(entry.get("commands")):
        raise TableError(f"{where}: commands belong to remoted functions, and only to them")
    if status != "remoted" and not entry.get("why"):
        raise TableError(f"{where}: say why it is {status}")
    if (status == "unsupported") != (entry.get("plan") in PLANS):
        raise TableError(f'{where}: plan ("not yet" or "never") is for unsupported functions')
    if status != "unsupported" and "error" in entry:
        raise TableError(f"{where}: error is for unsupported functions")


def _function(
    name: str, entry: dict[str, Any], data: dict[str, Any], all_entries: dict[str, dict[str, Any]]
) -> Function:
    where = f"function.{name}"
    if unknown := set(entry) - _KEYS:
        raise TableError(f"{where}: unknown key {', '.join(sorted(unknown))}")
    if not name.startswith(str(data["prefix"])):
        raise TableError(f"{where}: lacks the prefix {data['prefix']}")
    parameters = _parameters(where, entry.get("parameters", []))
    facts = entry
    if alias := entry.get("alias"):
        if alias not in all_entries or "alias" in all_entries[alias]:
            raise TableError(f"{where}: is an alias of nothing")
        if {"status", "commands", "why", "error", "plan"} & set(entry):
            raise TableError(f"{where}: an alias has the status of what it stands for")
        facts = all_entries[alias]
    _status(where, facts)
    returns = str(entry.get("returns", data["error_type"]))
    error = facts.get("error")
    has_way = returns == data["error_type"] or any(
        p.name == data["error_parameter"] for p in parameters
    )
    if facts["status"] == "unsupported" and has_way != (error is not None):
        raise TableError(f"{where}: error is needed exactly where there is a way to return it")
    return Function(
        name, str(entry["since"]), str(entry["group"]), returns, parameters, facts["status"],
        tuple(facts.get("commands", [])), facts.get("why"), error, facts.get("plan"), alias,
        bool(entry.get("untyped", False)), bool(entry.get("newer", False)),
        bool(entry.get("exported", False)), bool(entry.get("slot", True)), entry.get("slot_value"),
    )  # fmt: skip


def load_functions(root: Path, path: Path, commands: CommandTable) -> FunctionTable:
    """Reads and checks one functions.toml against its commands; raises TableError."""
    data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    source = path.relative_to(root).as_posix()
    if unknown := set(data) - _TABLE_KEYS:
        raise TableError(f"{source}: unknown key {', '.join(sorted(unknown))}")
    if data["api"] != commands.api:
        raise TableError(f"{source}: api differs from that of the commands")
    entries = cast("dict[str, dict[str, Any]]", data["function"])
    functions = tuple(_function(n, e, data, entries) for n, e in entries.items())
    internal = tuple(cast("list[str]", data.get("internal_commands", [])))
    known = {c.name for c in commands.commands}
    used = {c for f in functions for c in f.commands} | set(internal)
    if used != known:
        odd = ", ".join(sorted(used ^ known))
        raise TableError(f"{source}: commands unknown there or used by no function: {odd}")
    handles = cast("dict[str, str]", data.get("handles", {}))
    if set(handles.values()) - set(commands.kinds):
        raise TableError(f"{source}: handles names a kind that the commands don't have")
    return FunctionTable(
        commands.api, str(data["title"]), source, str(data["prefix"]),
        str(data["call_convention"]), tuple(data["headers"]), dict(data.get("defines", {})),
        data.get("dispatch"), str(data.get("dispatch_file", "table")), str(data["error_type"]),
        str(data["error_parameter"]), internal, dict(data.get("types", {})), dict(handles),
        functions,
    )  # fmt: skip
