"""A request and its answer, without the way between them: what both clients have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar, cast
from urllib.parse import quote, urlencode

import msgspec

from aliquot.errors import AliquotError, DaemonError, NotUnderstood
from aliquot.errors.catalogue import catalogue
from aliquot.model.api.common import Problem

T = TypeVar("T")
Query = Mapping[str, Any]

PREFIX = "/api/v1"
EVENT_STREAM = "text/event-stream"
MOST_ANSWER_BYTES = 64 << 20
IDEMPOTENT = frozenset({"GET", "PUT", "DELETE"})


class Call(NamedTuple, Generic[T]):
    """A request: what is asked, and the type of its answer."""

    method: str
    target: str
    answer: type[T]
    headers: dict[str, str]
    body: bytes | None = None

    @property
    def may_be_repeated(self) -> bool:
        """Whether sending it twice does, and is answered, no other than sending it once.

        With If-Match the second one would be told that it came too late: by its own first.
        """
        if "Idempotency-Key" in self.headers:
            return True
        return self.method in IDEMPOTENT and "If-Match" not in self.headers


def call(
    method: str,
    path: str,
    answer: type[T],
    *,
    query: Query | None = None,
    body: Any = None,
    key: str | None = None,
    generation: int | None = None,
    prefix: str = PREFIX,
) -> Call[T]:
    """A request under `prefix`; None in `query` is left out, a list is repeated."""
    headers = {"Accept": "application/json"}
    if key is not None:
        headers["Idempotency-Key"] = key
    if generation is not None:
        headers["If-Match"] = f'"{generation}"'
    encoded = None
    if body is not None:
        encoded = msgspec.json.encode(body)
        headers["Content-Type"] = (
            "application/merge-patch+json" if method == "PATCH" else "application/json"
        )
    return Call(method, prefix + path + _query(query or {}), answer, headers, encoded)


def part(text: str) -> str:
    """A name or id as a part of a path."""
    # Dots alone would be taken for a step in the path.
    return quote(text, safe=":") if text.strip(".") else quote(text).replace(".", "%2E")


def read(call: Call[T], status: int, content_type: str, body: bytes) -> T:
    """The answer; raises the error that it tells, or NotUnderstood."""
    if status >= 300:
        raise error_of(status, content_type, body)
    try:
        if call.answer is bytes:
            return body  # type: ignore[return-value]
        return msgspec.json.decode(body, type=call.answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotUnderstood(f"the daemon's answer is not understood ({_short(error)})") from error


def error_of(status: int, content_type: str, body: bytes) -> AliquotError:
    """The error of an answer: the class that has its code, with the daemon's own words."""
    if not content_type.startswith("application/problem+json"):
        return NotUnderstood(f"the daemon answered with status {status}")
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return NotUnderstood(f"the daemon answered with status {status}")
    return from_problem(problem)


def from_problem(problem: Problem) -> AliquotError:
    """The error that a problem tells of."""
    kind = _by_code().get(problem.code, DaemonError)
    error = kind(problem.detail, problem.remedy)
    error.lines = tuple(problem.lines)
    if kind is DaemonError:  # of a newer daemon: what it says is kept
        error.code, error.title, error.why = problem.code, problem.title, problem.why
    return error


_known: dict[str, type[AliquotError]] = {}


def _by_code() -> dict[str, type[AliquotError]]:
    if not _known:
        _known.update((kind.code, kind) for kind in catalogue())
    return _known


def _query(query: Query) -> str:
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        several = cast("list[Any]", value if isinstance(value, list) else [value])
        pairs += [(name, _word(one)) for one in several if one is not None]
    return "?" + urlencode(pairs) if pairs else ""


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
