"""async_resources.py: the methods of the synchronous client, for asyncio."""

from __future__ import annotations

import re
from pathlib import Path

SOURCE = Path("src/aliquot/client/rest/resources.py")
TARGET = Path("src/aliquot/client/rest/async_resources.py")
_WIDTH = 100
_HEAD = f'''# Made by `python -m tools.generate` from {SOURCE.name}.
"""One class a resource, one method a route, for asyncio."""

'''
_TYPING = "from typing import Any,"
# A definition's parameters, or what is called: what is broken where a line gets too long.
_LONG = (
    re.compile(r"( +)(async def \w+\()(.*)(\) -> .*:)"),
    re.compile(r"( +)(return await self\._send\()(.*)(\))"),
)


def emit_async(source: str) -> str:
    """The text of async_resources.py from that of resources.py."""
    _, _, body = source.partition('"""\n\nfrom __future__')
    body = "from __future__" + body
    body = body.replace(_TYPING, f"from collections.abc import Awaitable\n{_TYPING}")
    body = body.replace("/) -> T:", "/) -> Awaitable[T]:")
    body = body.replace("The answer; raises AliquotError.", "The answer, awaited.")
    body = re.sub(r"^class (\w+)\(Resource\):", r"class Async\1(Resource):", body, flags=re.M)
    body = re.sub(r"^    def (?!__)", "    async def ", body, flags=re.M)
    body = body.replace("return self._send(", "return await self._send(")
    return _HEAD + "".join(_fitting(line) for line in body.splitlines(keepends=True))


def _fitting(line: str) -> str:
    """The same line, broken as the formatter would where it is too long."""
    if len(line.rstrip("\n")) <= _WIDTH:
        return line
    for pattern in _LONG:
        match = pattern.fullmatch(line.rstrip("\n"))
        if match:
            indent, head, inner, tail = match.groups()
            return f"{indent}{head}\n{indent}    {inner}\n{indent}{tail}\n"
    return line
