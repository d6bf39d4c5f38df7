"""`python -m tools.generate [--check]`, from the project's root."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.generate.outputs import outputs_of
from tools.generate.table import TableError


def main(arguments: list[str] | None = None, root: Path | None = None) -> int:
    """Writes the generated files, or with --check compares them. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; list stale files")
    options = parser.parse_args(arguments)
    root = Path.cwd() if root is None else root
    try:
        outputs = outputs_of(root)
    except TableError as error:
        print(f"tools.generate: {error}", file=sys.stderr)
        return 2
    stale = [
        path
        for path, text in outputs.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    if options.check:
        for path in stale:
            print(f"stale: {path.relative_to(root)} (run `python -m tools.generate`)")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(outputs[path], encoding="utf-8")
        print(f"wrote {path.relative_to(root)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
