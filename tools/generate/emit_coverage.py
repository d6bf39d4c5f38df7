"""docs/coverage.md: what works, what doesn't, and why."""

from __future__ import annotations

from tools.generate.functions import Function, FunctionTable

_WORDS = {"remoted": "remoted", "guest": "answered in the guest driver"}


def _status(function: Function) -> str:
    if function.status == "unsupported":
        return f"unsupported, {function.plan}"
    return _WORDS[function.status]


def _why(function: Function) -> str:
    parts: list[str] = []
    if function.alias is not None:
        parts.append(f"The same as `{function.alias}`.")
    if function.commands:
        parts.append("Commands: " + ", ".join(f"`{c}`" for c in function.commands) + ".")
    if function.status == "unsupported":
        parts.append(f"Returns `{function.error}`." if function.error else "Returns nothing.")
    if function.why:
        parts.append(function.why)
    return " ".join(parts)


def _count(functions: list[Function]) -> str:
    order = (*_WORDS.values(), "unsupported, not yet", "unsupported, never")
    counts = {word: sum(_status(f) == word for f in functions) for word in order}
    return "; ".join(f"{n} {word}" for word, n in counts.items() if n)


def _api(table: FunctionTable) -> list[str]:
    functions = list(table.functions)
    lines = [f"## {table.title}", "", f"{len(functions)} functions: {_count(functions)}.", ""]
    lines += ["| group | functions | works |", "|---|---:|---:|"]
    groups = sorted(dict.fromkeys(f.group for f in functions))
    for group in groups:
        members = [f for f in functions if f.group == group]
        works = sum(f.status != "unsupported" for f in members)
        lines.append(f"| {group} | {len(members)} | {works} |")
    for group in groups:
        members = [f for f in functions if f.group == group]
        lines += ["", f"### {group}", "", f"{_count(members)}.", ""]
        lines += ["| function | since | status | how or why |", "|---|---|---|---|"]
        lines += [f"| `{f.name}` | {f.since} | {_status(f)} | {_why(f)} |" for f in members]
    return lines


def emit_coverage(tables: list[FunctionTable]) -> str:
    """The text of the page."""
    sources = ", ".join(f"`{table.source}`" for table in tables)
    lines = [
        f"<!-- Made by `python -m tools.generate` from {sources}; do not edit. -->",
        "",
        "# Coverage",
        "",
        "Every function that a program can reach through the guest driver, from the same table as",
        "the code. *Remoted*: the worker is asked, with the commands named (many calls need none:",
        "see data-plane.md). *Answered in the guest driver*: no message is sent. *Unsupported*:",
        "returns the error that the specification gives for a device without that feature, and the",
        "device reports that it lacks it; *not yet* is planned, *never* is not.",
        "",
    ]
    for table in tables:
        lines += [*_api(table), ""]
    return "\n".join(lines).rstrip("\n") + "\n"
