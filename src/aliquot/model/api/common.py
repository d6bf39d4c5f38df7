"""Types that several resources have in common."""

from __future__ import annotations

from typing import Annotated

import msgspec

from aliquot.model.line import Line

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$", max_length=63)]
# An id, a name, or `tenant:name` for who may see what is another tenant's.
Reference = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Bytes = Annotated[int, msgspec.Meta(gt=0, le=(1 << 62))]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Weight = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=(1 << 53))]
ProcessId = Annotated[int, msgspec.Meta(ge=1, le=(1 << 22))]
Text = Annotated[str, msgspec.Meta(max_length=200)]
# Of this machine, from its root on.
FilePath = Annotated[str, msgspec.Meta(pattern=r"^/[^\x00-\x1f\x7f]*$", max_length=4096)]


class Request(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What the API takes: a field that it doesn't know is refused, for it could be a slip."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error as RFC 9457 has it (application/problem+json), with our stable code.

    `type` leads to the error's place in the documents, `detail` says what happened, `why` why
    that is an error, `remedy` what to do. `lines` and `remedy_lines` are what happened and what to
    do to be told in any language, where that is a sentence of ours.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    why: str = ""
    remedy: str = ""
    lines: list[Line] = []
    remedy_lines: list[Line] = []


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A list's place in the order of events: who watches from `sequence` on misses nothing."""

    sequence: int
