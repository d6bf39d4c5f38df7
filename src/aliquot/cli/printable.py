"""Text of others on a terminal: drivers, tenants and kernels may say what they like."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with nothing in it that moves a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
