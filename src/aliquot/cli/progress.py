"""A line on a terminal that says how far something is; a file or pipe gets none of it."""

from __future__ import annotations

import sys


class Progress:
    """A line on stderr, drawn anew with each word. A context manager: leaving wipes it out."""

    def __init__(self) -> None:
        """Nothing is drawn until there is something to say."""
        self._shown = ""
        self._drawn = sys.stderr.isatty()

    def say(self, text: str) -> None:
        """Draw this in place of what was there."""
        if self._drawn and text != self._shown:
            line = "".join(c if c.isprintable() else "?" for c in text)[:200]
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
            self._shown = text

    def __enter__(self) -> Progress:
        """Nothing to prepare."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wipe the line out."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
