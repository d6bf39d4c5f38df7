"""async_resources.py: the methods of the synchronous client, for asyncio."""

from __future__ import annotations

import re
from pathlib import Path

SOURCE = Path("src/aliquot/client/rest/resources.py")
TARGET = Path("src/aliquot/client/rest/async_resources.py")
_HEAD = '''"""One class a resource, one method a route, for asyncio.

Made from resources.py by `python -m tools.generate`: change that file.
"""

# fmt: off
# ruff: noqa: E501
'''


def emit_async(source: str) -> str:
    """The text of async_resources.py from that of resources.py."""
    _, _, body = source.partition('"""\n\nfrom __future__')
    body = "from __future__" + body
    typing = "from typing import Any,"
    body = body.replace(typing, f"from collections.abc import Awaitable\n{typing}")
    body = body.replace("/) -> T:", "/) -> Awaitable[T]:")
    names = re.findall(r"^class (\w+)\(Resource\):", body, re.M)
    for name in names:
        body = re.sub(rf"\bclass {name}\(", f"class Async{name}(", body)
    body = re.sub(r"^    def (?!__)", "    async def ", body, flags=re.M)
    body = body.replace("return self._send(", "return await self._send(")
    body = body.replace('"""The answer; raises AliquotError."""', '"""The answer, awaited."""')
    return _HEAD + body
