"""docs/openapi.json against a running API: generated requests, good and bad, by schemathesis.

The service is the one of fakes, so that what is tested is the API; test_schema_on_devices.py has
the real one. The events' stream, which never ends, is left out here and has test_watch.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aliquot.api.openapi import document, text
from aliquot.api.routes import OPERATIONS
from tests.contract.api import generated
from tests.contract.api.serving import Serving

EXAMPLES = 25
# As much as this, of which each part of a run has its share.
SECONDS = {"nobody": 10, "a-user": 20, "an-admin": 30}


def test_the_document_is_not_stale() -> None:
    assert generated.DOCUMENT.read_text() == text(), "run: make docs"


def test_examples_are_what_they_show() -> None:
    for operation in OPERATIONS:
        if operation.body is not None:
            encoded = json.dumps(operation.example).encode()
            msgspec.json.decode(encoded, type=operation.body)


def test_every_reference_leads_somewhere_and_everything_is_described() -> None:
    said = document()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                target: Any = said
                for step in value["$ref"].removeprefix("#/").split("/"):
                    target = target[step]
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(said)
    for methods in said["paths"].values():
        for operation in methods.values():
            assert operation["summary"].endswith(".")
            assert operation["tags"][0] in {tag["name"] for tag in said["tags"]}
    for name, schema in said["components"]["schemas"].items():
        assert schema["description"].strip(), name
        if "properties" in schema and (name.endswith("Wanted") or name == "VgpuChange"):
            assert schema["additionalProperties"] is False, name


@pytest.mark.alone
@pytest.mark.parametrize("who", SECONDS)
def test_generated_requests(on_fakes: Serving, who: str, tmp_path: Path) -> None:
    generated.send(on_fakes, who, tmp_path, examples=EXAMPLES, seconds=SECONDS[who])
