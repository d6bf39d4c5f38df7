"""`python -m tools.docs` draws the pictures, writes the API's document and checks the documents.

With `--check` it writes nothing and says what is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.docs import check, openapi, overview

_ROOT = Path(__file__).resolve().parents[2]
_MADE = {"docs/overview.svg": overview.draw, "docs/openapi.json": openapi.text}


def main(arguments: list[str]) -> int:
    """Returns 0 when what is made is current and the documents hold."""
    only_check = arguments == ["--check"]
    found = []
    for name, made in _MADE.items():
        target = _ROOT / name
        text = made()
        if not only_check:
            target.write_text(text)
        elif not target.exists() or target.read_text() != text:
            found.append(f"{name} is stale: run `make docs`")
    found += check.problems(_ROOT)
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
