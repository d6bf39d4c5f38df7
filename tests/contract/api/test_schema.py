"""docs/openapi.json against a running API: generated requests, good and bad, by schemathesis.

The service is the one of fakes, so that what is tested is the API; the events' stream, which never
ends, is left out here and has test_watch.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aliquot.api.openapi import document, text
from aliquot.api.routes import OPERATIONS
from aliquot.model.access_token import Role
from tests.contract.api.serving import Serving

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = ROOT / "docs/openapi.json"
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = 25
# As much as this, of which each part of a run has its share.
SECONDS = {"nobody": 10, "a-user": 20, "an-admin": 30}


def test_the_document_is_not_stale() -> None:
    assert DOCUMENT.read_text() == text(), "run: make docs"


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


@pytest.mark.parametrize("who", SECONDS)
def test_generated_requests(on_fakes: Serving, who: str, tmp_path: Path) -> None:
    headers: list[str] = []
    if who != "nobody":
        role = Role.USER if who == "a-user" else Role.ADMIN
        headers = ["--header", f"Authorization: Bearer {on_fakes.token('alice', role)}"]
    finished = subprocess.run(
        [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "--config-file",
            str(CONFIGURATION),
            "run",
            str(DOCUMENT),
            "--url",
            f"http://127.0.0.1:{on_fakes.port}",
            *headers,
            "--exclude-operation-id",
            "events.watch",
            "--checks",
            "all",
            "--mode",
            "all",
            "--max-examples",
            str(EXAMPLES),
            "--max-time",
            str(SECONDS[who]),
            "--generation-deterministic",
            "--suppress-health-check",
            "all",
            "--continue-on-failure",
            "--warnings",
            "off",
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]
    assert "passed" in finished.stdout
