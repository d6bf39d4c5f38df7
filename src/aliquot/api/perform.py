"""Does an operation: what was sent is checked and decoded, and the service asked in a thread."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from aliquot.api import etags
from aliquot.api.operation import Key, Operation, Query
from aliquot.errors import BadRequest, UnknownContent

_MOST_PARAMETERS = 100
_JSON = "application/json"
_MERGE_PATCH = "application/merge-patch+json"


class Decoder:
    """Decodes and checks what requests of one operation carry."""

    def __init__(self, operation: Operation) -> None:
        """For this operation."""
        self.operation = operation
        self._lists = _list_fields(operation.query) if operation.query else frozenset[str]()

    def arguments(
        self,
        path: Mapping[str, Any],
        query_string: bytes,
        headers: Mapping[str, str],
        body: bytes,
    ) -> dict[str, Any]:
        """The function's arguments; raises BadRequest, UnknownContent, ChangedMeanwhile."""
        operation = self.operation
        given: dict[str, Any] = {
            name: _converted(str(path[name]), kind, name)
            for name, kind in operation.path_parameters.items()
        }
        fields = self._fields(query_string)
        if operation.query is not None:
            given["query"] = _converted(fields, operation.query, "query")
        elif fields:
            raise BadRequest(f"there is no parameter {_shown(next(iter(fields)))} here")
        if operation.takes_generation:
            given["generation"] = etags.generation(headers.get("if-match"))
        if operation.takes_key:
            key = headers.get("idempotency-key")
            given["key"] = None if key is None else _converted(key, Key, "Idempotency-Key")
        if operation.body is not None and (body or operation.needs_body):
            given["body"] = self._decoded(headers.get("content-type", ""), body)
        return given

    def _fields(self, query_string: bytes) -> dict[str, Any]:
        if not query_string:
            return {}
        try:
            pairs = parse_qsl(
                query_string.decode("ascii"),
                keep_blank_values=True,
                strict_parsing=True,
                errors="strict",
                max_num_fields=_MOST_PARAMETERS,
            )
        except ValueError:
            raise BadRequest("what follows the question mark is malformed") from None
        fields: dict[str, Any] = {}
        for name, value in pairs:
            if name in self._lists:
                fields.setdefault(name, []).append(value)
            elif name in fields:
                raise BadRequest(f"the parameter {_shown(name)} is given twice")
            else:
                fields[name] = value
        return fields

    def _decoded(self, content_type: str, body: bytes) -> Any:
        kind = content_type.partition(";")[0].strip().lower()
        if kind != _JSON and not (kind == _MERGE_PATCH and self.operation.method == "PATCH"):
            raise UnknownContent(f"the content is {_shown(kind)}" if kind else "")
        if b"\\u0000" in body:
            raise BadRequest("the body has a zero character in a text")
        try:
            return msgspec.convert(_decode(body), self.operation.body)
        except UnicodeDecodeError:
            raise BadRequest("the body is not UTF-8") from None
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise BadRequest(f"the body is malformed: {_lowered(error)}") from None


def _number(text: str) -> int | float:
    """A number with a point or an exponent. To JSON Schema 1.0 is an integer like 1."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return int(value) if value.is_integer() and abs(value) < _EXACT else value


# Above, a float is no longer exactly the integer that was written.
_EXACT = 1 << 53
_decode = msgspec.json.Decoder(float_hook=_number).decode


def _converted(value: Any, kind: Any, name: str) -> Any:
    try:
        return msgspec.convert(value, kind, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        where = "" if name == "query" else f" {name}"
        raise BadRequest(f"the parameter{where} is malformed: {_lowered(error)}") from None


def _list_fields(query: type[Query]) -> frozenset[str]:
    hints = typing.get_type_hints(query)
    return frozenset(name for name, hint in hints.items() if _has_list(hint))


def _has_list(hint: Any) -> bool:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return any(_has_list(one) for one in typing.get_args(hint))
    return typing.get_origin(hint) is list


def _lowered(error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
    return text[:1].lower() + text[1:]


def _shown(text: str) -> str:
    return repr(text[:60])
