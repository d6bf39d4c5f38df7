"""`python -m tools.docs` draws the pictures and checks the documents; `--check` writes nothing."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.docs import check, overview

_ROOT = Path(__file__).resolve().parents[2]
_PICTURES = {"docs/overview.svg": overview.draw}


def main(arguments: list[str]) -> int:
    """Returns 0 when pictures are current and the documents hold."""
    only_check = arguments == ["--check"]
    found = []
    for name, draw in _PICTURES.items():
        target = _ROOT / name
        if not only_check:
            target.write_text(draw())
        elif not target.exists() or target.read_text() != draw():
            found.append(f"{name} is stale: run `make docs`")
    found += check.problems(_ROOT)
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
