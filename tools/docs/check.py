"""Finds what is wrong in the documents: dead links, and promises whose test does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
# A test is named as `tests/folder/file.py::function`, or without a function.
_TEST = re.compile(r"`((?:tests|native/tests)/[\w/.-]+?)(?:::(\w+))?`")


def problems(root: Path) -> Iterator[str]:
    """One sentence for each problem, in the documents of the project at `root`."""
    for document in sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")]):
        text = document.read_text()
        name = document.relative_to(root)
        yield from _dead_links(document, text, name)
        yield from _missing_tests(root, text, name)


def _dead_links(document: Path, text: str, name: Path) -> Iterator[str]:
    for match in _LINK.finditer(text):
        target = (match[1] or match[2]).split("#")[0]
        if not target or "://" in target or target.startswith("mailto:"):
            continue
        if not (document.parent / target).exists():
            yield f"{name}: the link to {target} leads nowhere"


def _missing_tests(root: Path, text: str, name: Path) -> Iterator[str]:
    for match in _TEST.finditer(text):
        path, function = root / match[1], match[2]
        if not path.exists():
            yield f"{name}: {match[1]} does not exist"
        elif function and not re.search(rf"\b{function}\b", path.read_text()):
            yield f"{name}: {match[1]} has no {function}"
