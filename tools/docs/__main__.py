"""`python -m tools.docs` makes what is made of the source, and checks the documents.

With `--check` it writes nothing and says what is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
# The command line and the API of this tree, whatever is installed.
sys.path.insert(0, str(_ROOT / "src"))

from aliquot.cli import manual  # noqa: E402
from tools.docs import (  # noqa: E402
    architecture,
    check,
    commands,
    explained,
    openapi,
    overview,
    top_picture,
)

# By file what it is to hold, given what it holds.
_MADE: dict[str, Callable[[str], str]] = {
    "docs/architecture.svg": lambda _: architecture.draw(),
    "docs/overview.svg": lambda _: overview.draw(),
    "docs/openapi.json": lambda _: openapi.text(),
    "docs/cli.md": commands.with_reference,
    "docs/aliquot.1": lambda _: manual.page(),
    "docs/top.svg": top_picture.redrawn,
    **explained.files(),
}


def main(arguments: list[str]) -> int:
    """Returns 0 when what is made is current and the documents hold."""
    only_check = arguments == ["--check"]
    found: list[str] = []
    for name, make in _MADE.items():
        target = _ROOT / name
        before = target.read_text() if target.exists() else ""
        after = make(before)
        if only_check and after != before:
            found.append(f"{name} is stale: run `make docs`")
        elif not only_check:
            target.parent.mkdir(exist_ok=True)
            target.write_text(after)
    found += check.problems(_ROOT)
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
