"""Entity tags: the generation of what is changed, so that no change is lost (RFC 9110)."""

from __future__ import annotations

import re
from typing import Any

from aliquot.errors import BadRequest, ChangedMeanwhile

_TAG = re.compile(r'"(\d{1,18})"|(\d{1,18})', re.ASCII)  # also as people type it
_ANY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
PATTERN = r'^(\*|"[0-9]{1,18}"|[0-9]{1,18})$'


def tag(answer: Any) -> str | None:
    """The entity tag of an answer, where it has a generation."""
    generation = getattr(answer, "generation", None)
    return None if generation is None else f'"{generation}"'


def generation(if_match: str | None) -> int | None:
    """The generation that If-Match names, None where it names none or any."""
    if if_match is None or if_match == "*":
        return None
    match = _TAG.fullmatch(if_match)
    if match:
        return int(match[1] or match[2])
    if _ANY_TAG.fullmatch(if_match):
        raise ChangedMeanwhile("If-Match names a tag that was never given")
    raise BadRequest('If-Match is not one entity tag like "3"')
