"""docs/openapi.json: the API as OpenAPI 3.1 has it, from the operations and their types."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from typing import Any

import msgspec

from aliquot import __version__
from aliquot.api import etags, problems
from aliquot.api.authorization import PUBLIC, RULES
from aliquot.api.operation import Key, Operation
from aliquot.api.routes import OPERATIONS
from aliquot.api.watch import EVENT_STREAM, Watch
from aliquot.model.api.common import Problem

_REF = "#/components/schemas/{name}"
_DESCRIPTION = """\
The daemon of Aliquot: devices, vGPUs, leases. docs/api.md tells how to reach it, and who
may do what.

Memory is in bytes, shares in percent of one device, times in milliseconds since 1970 (UTC).
"""
_TAGS = {
    "vgpus": "vGPUs: slices of devices, with their quotas.",
    "vms": "Virtual machines: what their hypervisors' hooks tell.",
    "leases": "Leases: vGPUs in use, and by whom.",
    "devices": "Devices, how their time is shared out, and what was measured.",
    "diagram": "The architecture picture, laid out.",
    "groups": "vGPUs for one job: all of them, or none.",
    "queue": "What waits for a place.",
    "receipts": "Where the time of leases went.",
    "profiles": "Named sizes.",
    "tokens": "How programs prove over TCP who they are.",
    "audit": "Who did what.",
    "events": "What happens, as it happens.",
    "node": "The daemon itself.",
}
_PROBLEMS = {
    400: "What was sent is malformed.",
    401: "Nobody is known to ask, or the token is not accepted.",
    403: "The caller's role or scope doesn't cover it.",
    404: "There is none, or none that the caller may see.",
    409: "It can't be now: the name is taken, there is no room, or the state is not one for that.",
    410: "The events since then are no longer kept: list again.",
    412: "It was changed meanwhile: the generation is not the one of If-Match.",
    413: "The request is too large.",
    415: "The body is not JSON.",
    422: "What was sent is well-formed, but nothing can be like that.",
    503: "The daemon, its store or its machine is not as it should be.",
}


def document() -> dict[str, Any]:
    """The whole document."""
    schemas = _schemas(OPERATIONS)
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, schemas
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Aliquot",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": {path: paths[path] for path in sorted(paths)},
        "components": {
            "schemas": {
                name: schemas[name]
                for name in sorted(schemas)
                if not name.endswith("Query")  # their fields are parameters
            },
            "responses": {
                str(status): {
                    "description": text,
                    "content": {
                        problems.MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}
                    },
                }
                for status, text in _PROBLEMS.items()
            },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Over TCP. On the Unix socket the kernel tells who asks.",
                }
            },
        },
    }


def text() -> str:
    """The text of docs/openapi.json."""
    return json.dumps(document(), indent=1) + "\n"


def _schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    kinds: set[Any] = {Problem}
    for operation in operations:
        kinds |= {operation.query, operation.body, operation.answer}
    kinds -= {None, Watch, bytes}
    kinds = {kind for kind in kinds if isinstance(kind, type)}
    _, found = msgspec.json.schema_components(
        sorted(kinds, key=lambda kind: kind.__name__), ref_template=_REF
    )
    for schema in found.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    return found


def _operation(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    rule = RULES.get(operation.name)
    said: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.name.partition(".")[0]],
        "summary": operation.summary,
    }
    if operation.details:
        said["description"] = operation.details
    parameters = _parameters(operation, schemas)
    if parameters:
        said["parameters"] = parameters
    if operation.body is not None:
        said["requestBody"] = {
            "required": operation.needs_body,
            "content": {
                media_type: {"schema": _schema(operation.body), "example": operation.example}
                for media_type in _body_types(operation)
            },
        }
    said["responses"] = _responses(operation)
    if operation.name in PUBLIC:
        said["security"] = []
    elif rule is not None:
        said["x-aliquot-role"] = rule.role.value
        if rule.scope:
            said["x-aliquot-scope"] = rule.scope
    return said


def _body_types(operation: Operation) -> list[str]:
    patch = ["application/merge-patch+json"] if operation.method == "PATCH" else []
    return ["application/json", *patch]


def _parameters(operation: Operation, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    found = [
        _parameter(name, "path", _schema(kind), required=True)
        for name, kind in operation.path_parameters.items()
    ]
    if operation.query is not None:
        schema = schemas[operation.query.__name__]
        found += [
            _parameter(name, "query", dict(field), required=name in schema["required"])
            for name, field in schema["properties"].items()
        ]
    if operation.takes_generation:
        field = {
            "type": "string",
            "pattern": etags.PATTERN,
            "description": "Only if it has this entity tag, which is the generation.",
        }
        found.append(_parameter("If-Match", "header", field, required=False))
    if operation.takes_key:
        field = _schema(Key)
        field["description"] = "The same request with the same key is done once, for a day."
        found.append(_parameter("Idempotency-Key", "header", field, required=False))
    if operation.media_type == EVENT_STREAM:
        field = {
            "type": "string",
            "pattern": "^[0-9]{1,18}$",
            "description": "The last event that was seen.",
        }
        found.append(_parameter("Last-Event-ID", "header", field, required=False))
    return found


def _parameter(name: str, place: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"name": name, "in": place, "required": required}
    description = schema.pop("description", None)
    if description:
        said["description"] = description
    if schema.get("default", 0) is None:
        del schema["default"]
    return {**said, "schema": schema}


def _responses(operation: Operation) -> dict[str, Any]:
    if operation.answer is Watch or operation.answer is bytes:
        schema: dict[str, Any] = {"type": "string"}
    else:
        schema = _schema(operation.answer)
    good: dict[str, Any] = {
        "description": "Done." if operation.method != "GET" else "Told.",
        "content": {operation.media_type: {"schema": schema}},
    }
    if "generation" in getattr(operation.answer, "__struct_fields__", ()):
        good["headers"] = {
            "ETag": {"description": "The generation, for If-Match.", "schema": {"type": "string"}}
        }
    said: dict[str, Any] = {str(operation.status): good}
    if operation.name == "node.ready":
        said["503"] = {**good, "description": "It is not ready."}
    for status in _statuses(operation):
        said.setdefault(str(status), {"$ref": f"#/components/responses/{status}"})
    return said


def _statuses(operation: Operation) -> list[int]:
    """Which errors there can be."""
    found = {400}
    if operation.name not in PUBLIC:
        found |= {401, 403, 503}
    if operation.path_parameters or operation.query is not None or operation.body is not None:
        found |= {404, 409, 422}
    if operation.body is not None:
        found |= {413, 415}
    if operation.takes_generation:
        found.add(412)
    if operation.name.startswith("events."):
        found.add(410)
    return sorted(found)


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REF)
    return dict(schema)


if __name__ == "__main__":
    print(text(), end="")
