"""Small helpers for writing C++ files that read as if written by hand."""

from __future__ import annotations

from collections.abc import Iterable

WIDTH = 100


def banner(source: str, purpose: str) -> list[str]:
    """The first lines of a generated file: where it comes from and what it is for."""
    words = f"Made by `python -m tools.generate` from {source}; do not edit. {purpose}".split()
    return wrap_comment(words)


def wrap_comment(words: Iterable[str], indent: str = "") -> list[str]:
    """Breaks words into `//` lines of at most WIDTH columns."""
    lines: list[str] = []
    line = f"{indent}//"
    for word in words:
        if len(line) + 1 + len(word) > WIDTH and line != f"{indent}//":
            lines.append(line)
            line = f"{indent}//"
        line += " " + word
    lines.append(line)
    return lines


def wrap_call(head: str, arguments: list[str], tail: str, indent: int = 0) -> list[str]:
    """`head` + comma-separated arguments + `tail`, broken after the opening bracket's column."""
    pad = " " * indent
    line = pad + head + ", ".join(arguments) + tail
    if len(line) <= WIDTH:
        return [line]
    column = len(pad + head)
    if any(column + len(a) + len(tail) > WIDTH for a in arguments):
        column = indent + 4
        lines, current = [pad + head], " " * column
    else:
        lines, current = [], pad + head
    fresh = True
    for position, argument in enumerate(arguments):
        last = position + 1 == len(arguments)
        text = argument + (tail if last else ",")
        if not fresh and len(current) + 1 + len(text) > WIDTH:
            lines.append(current)
            current, fresh = " " * column, True
        current += text if fresh else " " + text
        fresh = False
    lines.append(current)
    return lines


def wrap_terms(head: str, terms: list[str], operator: str, tail: str) -> list[str]:
    """`head` + terms joined by an operator + `tail`, continued below the first term."""
    lines: list[str] = []
    line = head
    for position, term in enumerate(terms):
        text = term + (tail if position + 1 == len(terms) else operator)
        separator = "" if position == 0 else " "
        if position and len(line) + 1 + len(text) > WIDTH:
            lines.append(line)
            line, separator = " " * len(head), ""
        line += separator + text
    return [*lines, line]


def file_text(lines: Iterable[str]) -> str:
    """Joins lines, with one newline at the end."""
    return "\n".join(line.rstrip() for line in lines).rstrip("\n") + "\n"
