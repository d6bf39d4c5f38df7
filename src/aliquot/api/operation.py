"""What an operation of the API is: read from the signature of the function that does it.

    @routes.post("/vgpus/{vgpu}/move")
    def move(service: Service, caller: Caller, vgpu: Reference, body: MoveWanted) -> VgpuResource:

Parameters are known by their names: `service` and `caller` are given; those that the path names
come from there; `query` is a struct with a field a parameter; `body` is JSON; `generation` is
If-Match, `key` the Idempotency-Key. From the same types come what is checked and docs/openapi.json.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import msgspec

F = TypeVar("F", bound=Callable[..., Any])

PREFIX = "/api/v1"
# What is given needs no type at run time; importing the service would take long.
_NAMES = {"Service": object}
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
Generation = Annotated[int, msgspec.Meta(ge=0)]


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters after the question mark. A field without a value is UNSET and left out."""

    def given(self) -> dict[str, Any]:
        """The parameters that were given, for the service's method."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in fields.items() if value is not msgspec.UNSET}


class Operation(NamedTuple):
    """An operation: where it is, what it takes and gives, and the function that does it."""

    name: str  # the resource and the service's method, as `vgpus.create`
    method: Method
    path: str
    status: int
    function: Callable[..., Any]
    summary: str
    details: str
    path_parameters: dict[str, Any]
    query: type[Query] | None
    body: Any
    needs_body: bool
    takes_generation: bool
    takes_key: bool
    answer: Any
    media_type: str
    example: Any


class Routes:
    """The operations of one resource."""

    def __init__(self, resource: str, prefix: str = PREFIX) -> None:
        """Of `resource`, with paths under `prefix`."""
        self.resource = resource
        self.operations: list[Operation] = []
        self._prefix = prefix

    def get(self, path: str, **more: Any) -> Callable[[F], F]:
        """What reads."""
        return self._declared("GET", path, **more)

    def post(self, path: str, **more: Any) -> Callable[[F], F]:
        """What makes something, or does something with it."""
        return self._declared("POST", path, **more)

    def put(self, path: str, **more: Any) -> Callable[[F], F]:
        """What replaces."""
        return self._declared("PUT", path, **more)

    def patch(self, path: str, **more: Any) -> Callable[[F], F]:
        """What changes by a merge patch (RFC 7396)."""
        return self._declared("PATCH", path, **more)

    def delete(self, path: str, **more: Any) -> Callable[[F], F]:
        """What ends or removes."""
        return self._declared("DELETE", path, **more)

    def _declared(
        self,
        method: Method,
        path: str,
        *,
        status: int = 200,
        media_type: str = "application/json",
        example: Any = None,
    ) -> Callable[[F], F]:
        def declare(function: F) -> F:
            hints = typing.get_type_hints(function, None, _NAMES, include_extras=True)
            parameters = inspect.signature(function).parameters
            summary, _, details = inspect.getdoc(function).partition("\n")  # type: ignore[union-attr]
            names = re.findall(r"{(\w+)}", path)
            self.operations.append(
                Operation(
                    name=f"{self.resource}.{function.__name__.rstrip('_')}",
                    method=method,
                    path=self._prefix + path,
                    status=status,
                    function=function,
                    summary=summary,
                    details=details.strip(),
                    path_parameters={name: hints[name] for name in names},
                    query=hints.get("query"),
                    body=hints.get("body"),
                    needs_body="body" in parameters
                    and parameters["body"].default is inspect.Parameter.empty,
                    takes_generation="generation" in parameters,
                    takes_key="key" in parameters,
                    answer=hints["return"],
                    media_type=media_type,
                    example=example,
                )
            )
            return function

        return declare
