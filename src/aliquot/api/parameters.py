"""Types of parameters that several operations have in common."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from aliquot.api.operation import Query

# What a path or a query may hold: no control characters, and no slash, which would be two parts.
_REFERENCE = r"^[^\x00-\x1f\x7f/\\?#%]+$"


def _reference(description: str, example: str) -> msgspec.Meta:
    return msgspec.Meta(
        min_length=1,
        max_length=200,
        pattern=_REFERENCE,
        description=description,
        examples=[example],
    )


VgpuReference = Annotated[
    str, _reference("An id, a name of the caller's own, or tenant:name.", "team-a")
]
DeviceReference = Annotated[str, _reference("An index, a UUID or a unique part of a name.", "0")]
Identity = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[0-9a-f]+$",
        description="An id, in hexadecimal digits.",
        examples=["01a2193c865f24c4965ad49b8286c4bd"],
    ),
]
GroupReference = Annotated[str, _reference("An id, or a name of the caller's own.", "job-7")]
TokenReference = Annotated[
    str, _reference("An id, or the name of one token of the caller's own.", "01a2193c865f24c4")
]
ProfileName = Annotated[
    str,
    msgspec.Meta(
        max_length=63,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        description="The profile's name.",
        examples=["4g"],
    ),
]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Cursor = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="The `next` of the page before.",
    ),
]
ReceiptCursor = Annotated[
    str,
    msgspec.Meta(
        max_length=200,
        pattern=r"^[0-9]{1,16}\.[\x21-\x7e]+$",
        description="The `next` of the page before.",
    ),
]
PageLimit = Annotated[
    int, msgspec.Meta(ge=1, le=1000, description="How many items a page has at most.")
]
YesNo = Literal["true", "false"]
Moment = Annotated[int, msgspec.Meta(ge=0, le=1 << 53, description="Milliseconds since 1970, UTC.")]
Sequence = Annotated[
    int, msgspec.Meta(ge=0, le=(1 << 63) - 1, description="The number of an event or row.")
]


class SeriesQuery(Query, frozen=True, kw_only=True):
    """Which part of a series."""

    step_seconds: Literal[1, 10, 300]
    since_ms: Moment | UnsetType = UNSET
    until_ms: Moment | UnsetType = UNSET
