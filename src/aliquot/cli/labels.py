"""Labels on the command line: KEY=VALUE, as often as one likes."""

from __future__ import annotations

import re
from argparse import Namespace

from aliquot.cli.parser import Parser
from aliquot.errors import BadLabel

_LABEL = re.compile(
    r"([A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?)"
    r"=((?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?)",
    re.ASCII,
)


def add_labels(parser: Parser, text: str = "a label; may be given several times") -> None:
    """Add --label."""
    parser.add_argument("--label", metavar="KEY=VALUE", action="append", help=text)


def labels_of(given: Namespace) -> dict[str, str]:
    """The labels that were given; raises BadLabel."""
    found: dict[str, str] = {}
    for text in given.label or ():
        match = _LABEL.fullmatch(text)
        if match is None:
            raise BadLabel(f"{text[:70]!r} is not a label")
        if found.setdefault(match[1], match[2]) != match[2]:
            raise BadLabel(f"the label {match[1]!r} is given twice, with different values")
    return found


def format_labels(labels: dict[str, str]) -> str:
    """Labels for a table or a line."""
    return " ".join(f"{key}={value}" for key, value in sorted(labels.items()))
