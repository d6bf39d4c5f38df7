"""The errors by their codes, and the page of the documents about them."""

from __future__ import annotations

from aliquot.errors import AliquotError


def catalogue() -> list[type[AliquotError]]:
    """Every error that has a code of its own, in the order of the codes."""
    found: list[type[AliquotError]] = []
    waiting: list[type[AliquotError]] = [AliquotError]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if "code" in kind.__dict__ and kind is not AliquotError:
            found.append(kind)
    return sorted(found, key=lambda kind: kind.code)


def documentation() -> str:
    """The text of docs/errors.md."""
    lines = [
        "# Errors",
        "",
        "Every error has a stable code, says what happened in one sentence, and what to do. The",
        "command line prints it as one line on stderr and ends with exit status 2 unless said",
        "otherwise here. This page is made from `src/aliquot/errors` by `python -m "
        "aliquot.errors`.",
    ]
    for kind in catalogue():
        remedy = kind.remedy[0].upper() + kind.remedy[1:]
        lines += ["", f"## {kind.code}: {kind.title}", "", kind.why, "", f"What to do: {remedy}."]
    return "\n".join(lines) + "\n"
